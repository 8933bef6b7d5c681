"""The manifest (dataset.json): which images, tags, classes and lists a run works on.

Written once by index_dataset, which has read every file that it names; every
later stage follows an image id through it and through nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, NotRequired

import cv2
import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from conta_core.data.image_ids import check_image_id, given_id
from conta_core.data.image_record import ImageRecord
from conta_core.errors import ContaError
from conta_core.images.masks import IGNORE
from conta_core.images.photographs import MAX_PIXELS
from conta_core.storage.atomic import replace_when_done
from conta_core.storage.json_files import read_json, require_layout

FORMAT = "conta-dataset"
FORMAT_VERSION = 2
_ONE = np.uint8(1)


@dataclass(frozen=True)
class Manifest:
    """The data set as every stage sees it.

    Attributes:
        name: of the data set.
        classes: foreground class names; class i is pixel value i + 1 of every mask here.
        lists: "train" and "val" -> image ids, in order.
        list_names: "train" and "val" -> how the data set calls that list (train_aug, ...).
        ground_truth: where the masks come from, in words for the scores; None: no masks.
        images: image id -> record.
        mask_values: pixel value in a ground-truth file -> pixel value here;
            values that are missing are 255.
        mask_colours: colour in a ground-truth file (RRGGBB) -> pixel value in such a file, where
            the data set names its colours; empty: VOC's.
    """

    name: str
    classes: tuple[str, ...]
    lists: dict[str, tuple[str, ...]]
    list_names: dict[str, str]
    images: dict[str, ImageRecord]
    ground_truth: str | None = None
    mask_values: dict[int, int] = field(default_factory=dict)
    mask_colours: dict[str, int] = field(default_factory=dict)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names by pixel value: background first."""
        return ("background", *self.classes)

    def ids(self, *lists: str) -> list[str]:
        """Image ids of the named lists ("train", "val"), in order, each once."""
        return list(dict.fromkeys(i for name in lists for i in self.lists[name]))

    def has_masks(self, list_name: str) -> bool:
        """Whether the list holds an image with a ground-truth mask."""
        return any(self.images[i].mask for i in self.lists[list_name])

    def tag_indices(self, image_id: str) -> np.ndarray:
        """Class indices (from 0, without background) of an image's tags, ascending, int64 (k,)."""
        tags = self.images[image_id].tags
        return np.array(sorted(self.classes.index(tag) for tag in tags), dtype=np.int64)

    def tag_vector(self, image_id: str) -> np.ndarray:
        """Tags as float32 (n,): 1 where the class is present."""
        vector = np.zeros(len(self.classes), dtype=np.float32)
        vector[self.tag_indices(image_id)] = 1.0
        return vector

    def colour_labels(self) -> dict[int, int] | None:
        """The colours of ground-truth files as :func:`read_label_png` takes them."""
        return {int(code, 16): label for code, label in self.mask_colours.items()} or None

    def read_mask(self, image_id: str) -> np.ndarray:
        """Ground truth of an image: uint8 (H, W), 0 background, i + 1 class i, 255 ignore.

        Its size is that of the stages.

        Raises:
            ContaError: the image has no mask, or its file changed since index_dataset.
        """
        record = self.images[image_id]
        if record.mask is None:
            raise ContaError(
                f"{image_id}: no ground-truth mask in the manifest; score another list"
            )
        return _relabelled(
            record.read_own_labels(record.mask, self.colour_labels()), self.mask_values
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the manifest as JSON, whole or not at all."""
        content = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}
        for record in content["images"].values():
            del record["id"]
        with replace_when_done(path) as temporary:
            Path(temporary).write_text(json.dumps(content, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Manifest:
        """Read a manifest.

        Raises:
            ContaError: not a manifest, another version, or a list that names an unknown image.
        """
        try:
            content = read_json(path)
            if content.pop("format") != FORMAT:
                raise ValueError("its format is not conta-dataset")
            version = content.pop("format_version")
            if version != FORMAT_VERSION:
                raise ValueError(f"its version is {version}, expected {FORMAT_VERSION}")
            require_layout(content, _LAYOUT)
            images = {
                check_image_id(image_id, str(path)): _record(image_id, record)
                for image_id, record in content.pop("images").items()
            }
            manifest = cls(
                name=content["name"],
                classes=tuple(content["classes"]),
                lists={name: tuple(ids) for name, ids in content["lists"].items()},
                list_names=content["list_names"],
                images=images,
                ground_truth=content["ground_truth"],
                mask_values={int(k): v for k, v in content["mask_values"].items()},
                mask_colours=content.get("mask_colours", {}),
            )
            tags = {tag for record in images.values() for tag in record.tags}
            strange = tags - {*manifest.classes}
            if strange or len(set(manifest.classes)) < len(manifest.classes):
                raise ValueError(
                    f"its classes are {manifest.classes}, its tags also {sorted(strange)[:5]}"
                )
            missing = [i for ids in manifest.lists.values() for i in ids if i not in images]
            if missing:
                raise ValueError(f"its lists name images that it does not describe: {missing[:5]}")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ContaError(
                f"{path}: not a manifest: {error}; delete it and run index_dataset again"
            ) from None
        return manifest


_Side = Annotated[int, Field(ge=0, le=MAX_PIXELS)]


@with_config(ConfigDict(extra="forbid"))
class _RecordLayout(TypedDict):
    image: str
    height: _Side
    width: _Side
    tags: list[str]
    mask: str | None
    context_map: str | None
    name: str | None
    stored_size: Annotated[list[_Side], Field(min_length=2, max_length=2)] | None
    digest: str | None
    mask_digest: str | None


class _Lists(TypedDict):
    train: list[str]
    val: list[str]


class _ListNames(TypedDict):
    train: str
    val: str


class _Layout(TypedDict):
    name: str
    classes: Annotated[list[str], Field(max_length=IGNORE - 1)]
    lists: _Lists
    list_names: _ListNames
    images: dict[str, _RecordLayout]
    ground_truth: str | None
    mask_values: dict[
        Annotated[str, Field(pattern=r"^[0-9]{1,3}$")], Annotated[int, Field(ge=0, le=IGNORE)]
    ]
    mask_colours: NotRequired[
        dict[
            Annotated[str, Field(pattern=r"^[0-9a-f]{6}$")], Annotated[int, Field(ge=0, le=IGNORE)]
        ]
    ]


_LAYOUT = TypeAdapter(_Layout)


def _record(image_id: str, values: Mapping[str, Any]) -> ImageRecord:
    """A record as JSON has it, with tuples for lists."""
    record = ImageRecord(id=image_id, **{**values, "tags": tuple(values["tags"])})
    if record.name is not None and given_id(record.name) != image_id:
        raise ValueError(f"the image {image_id} has the name of another, {record.name[:80]!r}")
    if record.stored_size is None:
        return record
    height, width = record.stored_size
    return replace(record, stored_size=(height, width))


def _relabelled(values: np.ndarray, meanings: Mapping[int, int]) -> np.ndarray:
    """The values of a file, uint8 (H, W), as what they mean; without a meaning: 255."""
    count = len(meanings)
    # shifted by one, 255 is 0 and needs no exception; most files hold only what means itself
    if all(meanings.get(i) == i for i in range(count)) and int((values + _ONE).max()) <= count:
        return values
    table = np.full(256, IGNORE, dtype=np.uint8)
    for found, meant in meanings.items():
        table[found] = meant
    return cv2.LUT(values, table, values)


def mask_values_of(file_classes: Sequence[str], classes: Sequence[str]) -> dict[int, int]:
    """Pixel values of files that number ``file_classes`` from 1, as values for ``classes``."""
    return {0: 0} | {file_classes.index(name) + 1: i + 1 for i, name in enumerate(classes)}
