"""What the keys that train a network share, from the backbone up."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from conta_core.settings.base import (
    Fraction,
    NonNegative,
    Positive,
    Range,
    Settings,
    UserPath,
    check_range,
)

#: pixels of a long side
SMALLEST_SIDE = 16
#: of a view to its image
LARGEST_FACTOR = 4.0


class BackboneSettings(Settings):
    """Keys shared by every group that has a backbone."""

    backbone: str = Field(
        "efficientnet_lite0_stage5",
        description="resnet18, resnet50, resnet101 (torchvision), irnet_resnet50 (IRNet's, "
        "output_stride 16), deeplab_resnet101 (deeplab-pytorch's, output_stride 8), wide_resnet38 "
        "(SEAM's, output_stride 8), efficientnet_lite0, efficientnet_lite0_stage5 (cut after its "
        "fifth stage) or timm:<name>; docs/networks.md",
    )
    weights: UserPath = Field("imagenet", description="imagenet, none, or a .safetensors file")
    output_stride: Literal[8, 16, 32] = Field(8, description="stride of the last block's features")


class TrainingSettings(BackboneSettings):
    """Keys shared by every group that trains a network."""

    epochs: Positive = Field(8, description="passes over the training list")
    iterations: Positive | None = Field(
        None, description="optimizer steps in all, instead of epochs; null: by epochs"
    )
    batch_size: Positive = Field(16, description="images a forward pass")
    accumulate: Positive = Field(
        1, description="forward passes whose mean gradient makes one optimizer step"
    )
    momentum: Fraction = Field(0.9, description="of SGD (IRNet's released code really uses 1e-4)")
    weight_decay: NonNegative = Field(1e-4, description="of SGD")
    poly_interval: Positive = Field(
        1, description="steps between two updates of the learning rates (poly, power 0.9)"
    )
    gradient_clip: Annotated[float, Field(gt=0)] | None = Field(
        None, description="greatest norm of a step's gradient; null: no limit"
    )
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32",
        description="of the forward pass (automatic mixed precision; float16 scales the loss)",
    )
    resize: Range = Field((98, 154), description="range of sizes, drawn a view, see resize_by")
    resize_by: Literal["long_side", "factor"] = Field(
        "long_side", description="what resize ranges over: the long side in pixels, or a factor"
    )
    resize_steps: Annotated[int, Field(ge=2)] | None = Field(
        None, description="draw one of so many evenly spaced sizes; null: any in the range"
    )
    crop: Annotated[int, Field(ge=32)] = Field(112, description="side of the square crop in pixels")
    views: Annotated[int, Field(ge=0)] = Field(
        4,
        description="augmented views an image, whose frozen features are cached in memory; "
        "0: a fresh view every epoch, nothing cached",
    )

    @model_validator(mode="after")
    def _sizes(self) -> TrainingSettings:
        check_range("resize", self.resize)
        if self.resize_by == "long_side" and self.resize[0] < SMALLEST_SIDE:
            raise ValueError(
                f"resize is {list(self.resize)} pixels; the least is {SMALLEST_SIDE}, or give "
                "resize_by: factor"
            )
        if self.resize_by == "factor" and self.resize[1] > LARGEST_FACTOR:
            raise ValueError(
                f"resize is {list(self.resize)} with resize_by: factor; the greatest factor is "
                f"{LARGEST_FACTOR}"
            )
        return self


class FineTuningSettings(TrainingSettings):
    """Keys shared by every group that trains a network whose backbone learns too."""

    frozen_blocks: Annotated[int, Field(ge=0, le=5)] = Field(
        3, description="blocks 1..k keep their pretrained weights"
    )
    batch_norm: Literal["frozen", "trained"] = Field(
        "frozen",
        description="of the blocks that learn: stored statistics (the ancestors'), or the batch's, "
        "over all GPUs",
    )
