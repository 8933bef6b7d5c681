"""The key `segmentation`: the segmentation model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from conta_core.settings.base import Fraction, NonNegative, Positive, Settings
from conta_core.settings.training import FineTuningSettings

NETWORK = "the segmentation model: deeplab_v2, deeplab_v3plus or segformer"
HEAD_CHANNELS = "channels of the head's layers"


class NamedNetworkSettings(Settings):
    """The name that the other keys of the group hang on."""

    network: str = Field("deeplab_v2", description=NETWORK)


class SegmentationSettings(FineTuningSettings, NamedNetworkSettings):
    """Keys shared by all segmentation models, with multi-scale inputs (MSC)."""

    scales: tuple[Annotated[float, Field(gt=0, le=2)], ...] = Field(
        (), description="MSC: further input scales beside 1"
    )
    epochs: Positive = Field(7, description="passes over the training list")
    batch_size: Positive = Field(10, description="images a forward pass")
    learning_rate: NonNegative = Field(0.02, description="of the backbone; poly decay, power 0.9")
    momentum: Fraction = Field(0.9, description="of SGD")
    weight_decay: NonNegative = Field(5e-4, description="of SGD; 0 for the head's biases")
    head_factor: NonNegative = Field(
        0.25, description="the head's weights learn this much faster, its biases twice that"
    )
    gradient_clip: Annotated[float, Field(gt=0)] | None = Field(
        10.0, description="greatest norm of a step's gradient; null: no limit (deeplab-pytorch)"
    )
    class_balanced: bool = Field(
        False, description="weight classes by the inverse root of their pixels in the pseudo-masks"
    )


class AsppSettings(SegmentationSettings):
    """Keys shared by the networks with an ASPP."""

    aspp_rates: tuple[Positive, ...] = Field(
        (1, 2, 4, 6), description="dilations of the ASPP's 3x3 convolutions"
    )

    @model_validator(mode="after")
    def _has_rates(self) -> AsppSettings:
        if not self.aspp_rates:
            raise ValueError("aspp_rates is empty; name at least one, e.g. [6, 12, 18, 24]")
        return self


class DeeplabV2Settings(AsppSettings):
    """DeepLab v2 (Chen et al., TPAMI 2018)."""

    network: Literal["deeplab_v2"] = Field("deeplab_v2", description=NETWORK)


class DeeplabV3PlusSettings(AsppSettings):
    """DeepLab v3+ (Chen et al., ECCV 2018)."""

    network: Literal["deeplab_v3plus"] = Field("deeplab_v3plus", description=NETWORK)
    head_channels: Positive = Field(256, description=HEAD_CHANNELS)


class SegformerSettings(SegmentationSettings):
    """SegFormer's head on any backbone (Xie et al., NeurIPS 2021)."""

    network: Literal["segformer"] = Field("segformer", description=NETWORK)
    head_channels: Positive = Field(256, description=HEAD_CHANNELS)
