"""The config contract: one settings class a key of config.yaml.

The defaults are the default experiment. ``config.yaml`` and
``schemas/config.schema.json`` are written from these classes by
``python -m conta_core.config_files`` (a test fails when they differ).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Range = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]

#: pixels of a long side
SMALLEST_SIDE = 16
#: of a view to its image
LARGEST_FACTOR = 4.0


class Settings(BaseModel):
    """A closed, immutable group of settings: an unknown key or a wrong type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Lists(Settings):
    """Names of the image lists."""

    train: str = Field("train", description="training list: its images get CAMs and pseudo-masks")
    val: str = Field("val", description="validation list: scores of the segmentation model")


class ImageCounts(Settings):
    """How many images context-shapes makes."""

    train: Positive = Field(300, description="training images")
    val: Positive = Field(150, description="validation images, always unconfounded")


class DatasetSettings(Settings):
    """What images, tags and splits."""

    name: str = Field(
        "context-shapes",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
        description="name of the data set; a config without `runs` has one run of this name",
    )
    format: Literal["context-shapes", "voc", "coco", "folder"] = Field(
        "context-shapes",
        description="context-shapes (made on the spot), voc (devkit), coco (instance json) or "
        "folder (tags.csv)",
    )
    root: str | None = Field(
        None, description="folder of the data set; null for context-shapes, which is made"
    )
    lists: Lists = Field(
        default_factory=Lists,
        description="voc: names in ImageSets/Segmentation; coco: instances_<name>.json; "
        "folder: names in the split column",
    )
    classes: tuple[str, ...] | None = Field(
        None,
        description="restrict to these classes, in this order (others give no tag and are 255 in "
        "scores); null: all classes of the data set",
    )
    tags: Literal["annotations", "masks"] = Field(
        "annotations", description="voc only: where tags come from, the XML or the masks"
    )
    allow_untagged: bool = Field(
        False, description="accept training images without a tag (they train as pure negatives)"
    )
    images: ImageCounts = Field(
        default_factory=ImageCounts, description="context-shapes only: how many images to make"
    )
    size: Annotated[int, Field(ge=64, le=1024)] = Field(
        128, description="context-shapes only: height and width in pixels"
    )
    confounding: Fraction = Field(
        0.9,
        description="context-shapes only: how often a training object stands on its own context "
        "beside its companion; validation images always have 0",
    )

    @model_validator(mode="after")
    def _root_fits_format(self) -> DatasetSettings:
        if (self.root is None) != (self.format == "context-shapes"):
            raise ValueError(
                f"root is {self.root!r} for format {self.format!r}; give the folder of the data "
                "set for voc, coco and folder, and null for context-shapes"
            )
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            raise ValueError("classes holds a name twice; name each class once")
        return self


class BackboneSettings(Settings):
    """Keys shared by every group that has a backbone."""

    backbone: str = Field(
        "efficientnet_lite0_stage5",
        description="resnet18, resnet50, resnet101 (torchvision), irnet_resnet50 (IRNet's, "
        "output_stride 16), deeplab_resnet101 (deeplab-pytorch's, output_stride 8), "
        "efficientnet_lite0, efficientnet_lite0_stage5 (cut after its fifth stage) or timm:<name>",
    )
    weights: str = Field("imagenet", description="imagenet, none, or a .safetensors file")
    output_stride: Literal[8, 16, 32] = Field(8, description="stride of the last block's features")


class TrainingSettings(BackboneSettings):
    """Keys shared by every group that trains a network."""

    epochs: Positive = Field(9, description="passes over the training list")
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
    resize: Range = Field((112, 176), description="range of sizes, drawn a view, see resize_by")
    resize_by: Literal["long_side", "factor"] = Field(
        "long_side", description="what resize ranges over: the long side in pixels, or a factor"
    )
    resize_steps: Annotated[int, Field(ge=2)] | None = Field(
        None, description="draw one of so many evenly spaced sizes; null: any in the range"
    )
    crop: Annotated[int, Field(ge=32)] = Field(128, description="side of the square crop in pixels")
    views: Annotated[int, Field(ge=0)] = Field(
        0,
        description="augmented views an image, whose frozen features are cached in memory; "
        "0: a fresh view every epoch, nothing cached",
    )

    @model_validator(mode="after")
    def _sizes(self) -> TrainingSettings:
        _check_range("resize", self.resize)
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


class CamSettings(TrainingSettings):
    """The CAM classifier and the extraction of its maps (IRNet, section 3.1)."""

    frozen_blocks: Annotated[int, Field(ge=0, le=5)] = Field(
        3, description="blocks 1..k keep their pretrained weights"
    )
    batch_norm: Literal["frozen", "trained"] = Field(
        "frozen",
        description="of the blocks that learn: stored statistics (the ancestors'), or the batch's, "
        "over all GPUs",
    )
    learning_rate: NonNegative = Field(0.005, description="of the backbone; poly decay, power 0.9")
    head_factor: NonNegative = Field(10.0, description="the head learns this much faster")
    scales: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (1.0, 0.5, 1.5), description="extraction: CAMs of these scales and flips are summed"
    )

    @model_validator(mode="after")
    def _has_scales(self) -> CamSettings:
        if not self.scales:
            raise ValueError("scales is empty; name at least one, e.g. [1.0]")
        return self


class LabelCrfSettings(Settings):
    """The CRF that makes IR labels from CAM labels (IRNet's values)."""

    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.7, description="probability given to a label (gt_prob)"
    )
    iterations: Positive = Field(10, description="mean-field iterations")
    gaussian_sxy: NonNegative = Field(3.0, description="smoothness kernel, pixels")
    gaussian_compat: NonNegative = Field(3.0, description="smoothness weight")
    bilateral_sxy: NonNegative = Field(50.0, description="appearance kernel, pixels")
    bilateral_srgb: NonNegative = Field(5.0, description="appearance kernel, grey levels")
    bilateral_compat: NonNegative = Field(10.0, description="appearance weight")


class IrnSettings(TrainingSettings):
    """IR labels and IRNet's boundary and displacement heads on a frozen backbone."""

    foreground_threshold: Fraction = Field(0.5, description="labels: a CAM above it is foreground")
    background_threshold: Fraction = Field(
        0.3, description="labels: all CAMs below it is confident background"
    )
    label_crf: LabelCrfSettings = Field(
        default_factory=LabelCrfSettings, description="labels: CRF of both label maps"
    )
    radius: Annotated[int, Field(ge=2)] = Field(
        5, description="training: pairs of cells nearer than this on the stride-4 grid"
    )
    epochs: Positive = Field(4, description="passes over the training list")
    edge_learning_rate: NonNegative = Field(0.02, description="of the boundary head; poly 0.9")
    displacement_learning_rate: NonNegative = Field(
        0.05, description="of the displacement head; poly 0.9"
    )
    weight_decay: NonNegative = Field(0.0, description="of SGD (IRNet: 1e-4)")
    resize: Range = Field((128, 128), description="range of sizes, drawn a view, see resize_by")
    views: Annotated[int, Field(ge=0)] = Field(
        2, description="augmented views an image, cached; 0: fresh ones, nothing cached"
    )

    inference_pad: Annotated[int, Field(ge=16)] | None = Field(
        None,
        description="edges of an image: height and width it is padded to, pixels (IRNet: 512, "
        "which also cuts larger images; here they stay whole); null: the stride's next multiple",
    )

    @model_validator(mode="after")
    def _thresholds(self) -> IrnSettings:
        if self.background_threshold > self.foreground_threshold:
            raise ValueError(
                f"background_threshold {self.background_threshold} is above foreground_threshold "
                f"{self.foreground_threshold}; confident background lies below"
            )
        return self


class WalkSettings(Settings):
    """The boundary-aware random walk (IRNet, section 4)."""

    radius: Annotated[int, Field(ge=2)] = Field(
        5, description="neighbourhood on the stride-4 grid, cells"
    )
    beta: Annotated[float, Field(gt=0)] = Field(
        20.0, description="power of the affinities (IRNet: 10)"
    )
    steps: Annotated[int, Field(ge=0)] = Field(256, description="steps of the walk")


class PseudoMaskSettings(Settings):
    """Refined CAMs to pseudo-masks."""

    background_threshold: Fraction = Field(
        0.5, description="background wins where every refined CAM is below it"
    )
    crf: bool = Field(
        True, description="sharpen each pseudo-mask with a dense CRF (irn.label_crf's values)"
    )


class SegmentationSettings(TrainingSettings):
    """DeepLab v2 with multi-scale inputs (MSC)."""

    frozen_blocks: Annotated[int, Field(ge=0, le=5)] = Field(
        3, description="blocks 1..k keep their pretrained weights"
    )
    batch_norm: Literal["frozen", "trained"] = Field(
        "frozen",
        description="of the blocks that learn: stored statistics (the ancestors'), or the batch's, "
        "over all GPUs",
    )
    aspp_rates: tuple[Positive, ...] = Field(
        (1, 2, 4, 6), description="dilations of the ASPP's 3x3 convolutions"
    )
    scales: tuple[Annotated[float, Field(gt=0, le=2)], ...] = Field(
        (0.5,), description="MSC: further input scales beside 1"
    )
    batch_size: Positive = Field(10, description="images a forward pass")
    learning_rate: NonNegative = Field(0.01, description="of the backbone; poly decay, power 0.9")
    momentum: Fraction = Field(0.9, description="of SGD")
    weight_decay: NonNegative = Field(5e-4, description="of SGD; 0 for the ASPP's biases")
    head_factor: NonNegative = Field(
        0.05, description="the ASPP's weights learn this much faster, its biases twice that"
    )
    gradient_clip: Annotated[float, Field(gt=0)] | None = Field(
        10.0, description="greatest norm of a step's gradient; null: no limit (deeplab-pytorch)"
    )
    class_balanced: bool = Field(
        False, description="weight classes by the inverse root of their pixels in the pseudo-masks"
    )

    @model_validator(mode="after")
    def _has_rates(self) -> SegmentationSettings:
        if not self.aspp_rates:
            raise ValueError("aspp_rates is empty; name at least one, e.g. [6, 12, 18, 24]")
        return self


class ContextSettings(Settings):
    """The causal step (CONTA, section 3.3): the next round's context M."""

    method: Literal["conta", "none"] = Field(
        "conta", description="conta: M of the round before goes into the classifier; none: control"
    )
    block: Literal[2, 3, 4, 5, "all"] = Field(
        5, description="M is concatenated to the input of this backbone block (the paper's Block-n)"
    )
    size: tuple[Positive, Positive] = Field((16, 16), description="height and width of masks and M")
    source: Literal["segmentation", "pseudo_masks"] = Field(
        "segmentation", description="masks that the confounder set averages"
    )
    prior: Literal["uniform", "empirical"] = Field(
        "uniform", description="P(c): 1/n as in the paper, or the share of images of each class"
    )
    scaling: Literal["standardise", "none"] = Field(
        "standardise",
        description="M less its mean map over its deviation, or as the equation gives it",
    )
    steps: Annotated[int, Field(ge=0)] = Field(
        300, description="steps by which W1 and W2 learn the tags; 0 leaves them random"
    )
    learning_rate: NonNegative = Field(0.01, description="of W1 and W2 (Adam)")


class CrfSettings(Settings):
    """The dense CRF of the evaluation (deeplab-pytorch's values)."""

    iterations: Positive = Field(10, description="mean-field iterations")
    gaussian_sxy: NonNegative = Field(1.0, description="smoothness kernel, pixels")
    gaussian_compat: NonNegative = Field(3.0, description="smoothness weight")
    bilateral_sxy: NonNegative = Field(67.0, description="appearance kernel, pixels")
    bilateral_srgb: NonNegative = Field(3.0, description="appearance kernel, grey levels")
    bilateral_compat: NonNegative = Field(4.0, description="appearance weight")


class Experiment(Settings):
    """One run: everything that its results depend on."""

    dataset: DatasetSettings = Field(
        default_factory=DatasetSettings, description="what images, tags and splits"
    )
    rounds: Positive = Field(3, description="CONTA rounds; round 0 has no context")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="everything random hangs on it")
    shards: Positive = Field(
        1,
        description="jobs that share each stage that goes image by image; changes no result and "
        "reruns nothing",
    )
    cam: CamSettings = Field(
        default_factory=CamSettings, description="the CAM classifier and its maps"
    )
    irn: IrnSettings = Field(
        default_factory=IrnSettings, description="IR labels, boundary and displacement heads"
    )
    walk: WalkSettings = Field(
        default_factory=WalkSettings, description="the boundary-aware random walk"
    )
    pseudo_masks: PseudoMaskSettings = Field(
        default_factory=PseudoMaskSettings, description="refined CAMs to pseudo-masks"
    )
    segmentation: SegmentationSettings = Field(
        default_factory=SegmentationSettings, description="the segmentation model"
    )
    context: ContextSettings = Field(default_factory=ContextSettings, description="the causal step")
    crf: CrfSettings = Field(default_factory=CrfSettings, description="the evaluation's CRF")


class Config(Experiment):
    """The whole config file: the base experiment and the runs that override it."""

    runs: dict[str, dict[str, Any]] = Field(
        {},
        description="name -> overrides of everything else; none: one run named dataset.name",
    )


def _check_range(key: str, limits: tuple[float, float]) -> None:
    if limits[0] > limits[1]:
        raise ValueError(f"{key} is {list(limits)}; the first number must not exceed the second")
