"""A file of COCO's instance annotations: its layout, and numbers that are given twice."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, NotRequired

from pycocotools.coco import COCO
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from conta_core.data.readers.coco_files import annotation_file, no_annotations
from conta_core.errors import ContaError
from conta_core.images.photographs import MAX_PIXELS
from conta_core.storage.json_files import read_json, require_layout

#: the largest that JPEG can hold
MAX_SIDE = 65_535
#: of numbers that are given twice, how many are named
_NAMED = 5
#: what 64 bits hold
Number = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class _Image(TypedDict):
    id: Number
    file_name: str
    height: int
    width: int


class _Category(TypedDict):
    id: Number
    name: str


class _Annotation(TypedDict):
    id: Number
    image_id: Number
    category_id: Number
    # these are judged one by one, and may be missing
    area: NotRequired[Any]
    segmentation: NotRequired[Any]


class _Instances(TypedDict):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Annotation]


_LAYOUT = TypeAdapter(_Instances)


def load_instances(root: Path, name: str, kind: str) -> COCO:
    """The annotations of a list.

    Args:
        root: of the data set.
        name: of the list.
        kind: train or val, for messages.

    Raises:
        ContaError: missing, of another layout, or two images of one number.
    """
    path = annotation_file(root, name)
    if not path.is_file():
        raise no_annotations(root, name, kind)
    try:
        content = read_json(path)
        require_layout(content, _LAYOUT)
        for item in content["images"]:
            sides = item["width"], item["height"]
            if not all(0 < n <= MAX_SIDE for n in sides) or sides[0] * sides[1] > MAX_PIXELS:
                raise ValueError(
                    f"image {item['id']} is {sides[0]} x {sides[1]} pixels, expected at most "
                    f"{MAX_PIXELS:,}, and sides of 1 to {MAX_SIDE}"
                )
        _require_single_numbers(content["images"], path)
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints
            coco = COCO()
            coco.dataset = content
            coco.createIndex()
    except (OSError, ValueError) as error:
        raise ContaError(
            f"{path}: no COCO instance annotations ({error}); expected the official layout with "
            "images, annotations and categories"
        ) from None
    if not coco.imgs:
        raise ContaError(f"{path}: names no image; name another list in dataset.lists.{kind}")
    return coco


def _require_single_numbers(images: list[dict[str, Any]], path: Path) -> None:
    """Refuse several images of one id: annotations of one would be another's."""
    counts = Counter(image["id"] for image in images)
    if len(counts) == len(images):
        return
    names: dict[int, set[str]] = {number: set() for number, count in counts.items() if count > 1}
    for image in images:
        if image["id"] in names:
            names[image["id"]].add(image["file_name"])
    twice = {number: files for number, files in names.items() if len(files) > 1}
    if twice:
        some = "; ".join(
            f"{number}: {', '.join(sorted(files)[:3])}"
            for number, files in list(twice.items())[:_NAMED]
        )
        raise ContaError(
            f"{path}: {len(twice)} image ids are given to several images ({some}), so that nobody "
            "knows whose the annotations are; files that are joined need new numbers, of images "
            "and of annotations: join them again with a tool that gives them"
        )
