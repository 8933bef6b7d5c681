"""The key `dataset`: images, tags and splits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from conta_core.settings.base import Fraction, Positive, Settings, UserPath


class Lists(Settings):
    """Names of the image lists."""

    train: str = Field("train", description="training list: its images get CAMs and pseudo-masks")
    val: str = Field("val", description="validation list: scores of the segmentation model")


class ImageCounts(Settings):
    """How many images context-shapes makes."""

    train: Positive = Field(300, description="training images")
    val: Positive = Field(150, description="validation images, always unconfounded")


LongSide = Annotated[int, Field(ge=64, le=16384)]
#: `auto`: a photograph of any phone is larger, an image of VOC or COCO smaller
FOLDER_LONG_SIDE = 1024


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
    root: UserPath | None = Field(
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
        "annotations",
        description="voc: where tags come from, the XML or the masks; folder: masks where there "
        "is no tags.csv but a folder of photographs and masks for each list",
    )
    allow_untagged: bool = Field(
        False, description="accept training images without a tag (they train as pure negatives)"
    )
    long_side: LongSide | Literal["auto"] | None = Field(
        "auto",
        description="longer side at which every stage reads an image, at most, in pixels; auto: "
        "1024 for folder, else none; null: none. Pseudo-masks and exports have its own size",
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

    @property
    def longest(self) -> int | None:
        """Longer side at which stages read an image, at most, in pixels; None: no limit."""
        if self.long_side == "auto":
            return FOLDER_LONG_SIDE if self.format == "folder" else None
        return self.long_side

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
