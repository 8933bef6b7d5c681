"""Reader of COCO instance annotations, and their conversion to label masks."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import numpy as np
from pycocotools.coco import COCO
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from conta_core.data.image_ids import check_image_id
from conta_core.data.image_record import ImageRecord
from conta_core.data.images import MAX_PIXELS
from conta_core.data.manifest import Manifest, mask_values_of
from conta_core.data.masks import IGNORE, write_label_png
from conta_core.data.problems import refuse
from conta_core.data.readers.coco_annotations import annotation_problem, draw_labels
from conta_core.data.readers.voc import choose_classes
from conta_core.errors import ContaError
from conta_core.runtime.progress import track
from conta_core.settings import DatasetSettings
from conta_core.storage.atomic import replace_folder_when_done
from conta_core.storage.json_files import read_json, require_layout

logger = logging.getLogger(__name__)

#: VOC's names of COCO categories that COCO calls otherwise
VOC_ALIASES = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}


#: the largest that JPEG can hold
MAX_SIDE = 65_535
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
    area: Any  # these two are judged one by one
    segmentation: Any


class _Instances(TypedDict):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Annotation]


_LAYOUT = TypeAdapter(_Instances)


def read_coco(settings: DatasetSettings, masks: str | os.PathLike[str] | None = None) -> Manifest:
    """Read the lists and tags of a COCO data set; its images are not opened.

    Below the root: ``annotations/instances_<list>.json`` and the images in ``<list>/`` or
    ``images/<list>/``, as COCO 2014 and 2017 have them. The tags of an image are the chosen
    categories of its annotations that are no crowd and have an area. Training images without one
    are left out, unless ``settings.allow_untagged``; validation images stay, since a false alarm
    on them counts.

    Args:
        settings: of format coco; its classes are COCO's names, or VOC's for the same things.
        masks: folder that :func:`write_coco_masks` wrote; None: no ground truth.

    Returns:
        The manifest, with heights and widths of 0 until the images are checked. An id is the
        file name without its ending.

    Raises:
        ContaError: an annotation file is missing or malformed, an id or a class is not as
            expected.
    """
    root = Path(settings.root or ".")
    files = {"train": settings.lists.train, "val": settings.lists.val}
    records: dict[str, ImageRecord] = {}
    lists: dict[str, tuple[str, ...]] = {}
    classes: tuple[str, ...] = ()
    for kind, name in files.items():
        coco = _load(root, name, kind)
        classes, category_class = _categories(coco, settings, classes, root, name)
        members = []
        skipped = 0
        for image_id, entry in _images(coco, root, name):
            annotations = coco.imgToAnns[entry["id"]]
            present = {
                category_class[a["category_id"]]
                for a in annotations
                if a["category_id"] in category_class and not a.get("iscrowd") and _has_area(a)
            }
            if kind == "train" and not present and not settings.allow_untagged:
                skipped += 1
                continue
            path = str(_image_folder(root, name) / entry["file_name"])
            if image_id in records and records[image_id].image != path:
                raise ContaError(
                    f"{root}: {image_id} names two images, {records[image_id].image} and {path}; "
                    "rename one of them"
                )
            records[image_id] = ImageRecord(
                id=image_id,
                image=path,
                height=0,
                width=0,
                tags=tuple(classes[i] for i in sorted(present)),
                mask=str(Path(masks) / f"{image_id}.png") if masks is not None else None,
            )
            members.append(image_id)
        if skipped:
            logger.info(
                "%s: left out %d images without a tag of the %d classes, %d stay",
                name, skipped, len(classes), len(members),
            )  # fmt: skip
        lists[kind] = tuple(members)
    return Manifest(
        name=settings.name,
        classes=classes,
        lists=lists,
        list_names=files,
        images=records,
        ground_truth=f"instance masks of {root}/annotations" if masks is not None else None,
        mask_values=mask_values_of(classes, classes),
    )


def write_coco_masks(settings: DatasetSettings, folder: str | os.PathLike[str]) -> None:
    """Write ``<id>.png`` for every image of both lists, whole folder or nothing.

    Values: 0 background, i + 1 class i, 255 for objects of other categories and for crowd
    regions; what lies over what: :func:`~conta_core.data.readers.coco_annotations.draw_labels`.

    Raises:
        ContaError: as :func:`read_coco`, or one for all annotations that cannot be drawn.
    """
    with replace_folder_when_done(folder) as temporary:
        for image_id, labels in coco_labels(settings):
            write_label_png(temporary / f"{image_id}.png", labels)


def coco_labels(settings: DatasetSettings) -> Iterator[tuple[str, np.ndarray]]:
    """Image id and labels, uint8 (H, W), of every image of both lists.

    Raises:
        ContaError: at the end, one for all annotations that cannot be drawn.
    """
    root = Path(settings.root or ".")
    classes: tuple[str, ...] = ()
    problems = []
    for name in dict.fromkeys((settings.lists.train, settings.lists.val)):
        kind = "train" if name == settings.lists.train else "val"
        coco = _load(root, name, kind)
        classes, category_class = _categories(coco, settings, classes, root, name)
        entries = _images(coco, root, name)
        problems.extend(_stray_annotations(coco, name))
        for image_id, entry in track(entries, len(entries), f"masks of {name}", logger):
            size = (entry["height"], entry["width"])
            good = []
            for annotation in coco.imgToAnns[entry["id"]]:
                problem = annotation_problem(annotation, size)
                if problem:
                    problems.append(
                        f"instances_{name}.json, image {image_id}: annotation {annotation['id']} "
                        f"cannot be drawn: {problem}; mend or delete it"
                    )
                else:
                    good.append(annotation)
            yield image_id, draw_labels(good, size, category_class)
    refuse(problems, str(root / "annotations"))


def _stray_annotations(coco: COCO, name: str) -> list[str]:
    """Annotations of images or categories that the file does not describe."""
    return [
        f"instances_{name}.json: annotation {a['id']} is of the {what} {a[key]}, which the file "
        "does not describe; add that or delete the annotation"
        for a in coco.dataset["annotations"]
        for what, key, known in (
            ("image", "image_id", coco.imgs),
            ("category", "category_id", coco.cats),
        )
        if a[key] not in known
    ]


def _has_area(annotation: dict[str, Any]) -> bool:
    return isinstance(annotation["area"], int | float) and annotation["area"] > 0


def _image_folder(root: Path, name: str) -> Path:
    """``<list>/`` below the root, or ``images/<list>/`` where only that exists."""
    inner = root / "images" / name
    return inner if inner.is_dir() and not (root / name).is_dir() else root / name


def _load(root: Path, name: str, kind: str) -> COCO:
    path = root / "annotations" / f"instances_{name}.json"
    if not path.is_file():
        stems = [p.stem for p in path.parent.glob("instances_*.json")]
        there = sorted(stem.removeprefix("instances_") for stem in stems)
        raise ContaError(
            f"{path}: no such annotations; that folder has {there or 'none'}: name one of them in "
            f"dataset.lists.{kind}"
        )
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


def _categories(
    coco: COCO, settings: DatasetSettings, before: tuple[str, ...], root: Path, name: str
) -> tuple[tuple[str, ...], dict[int, int]]:
    """The classes, and category id -> class index from 0."""
    by_id = {number: coco.cats[number]["name"] for number in sorted(coco.cats)}
    known = list(by_id.values())
    twice = sorted({category for category in known if known.count(category) > 1})
    if twice:
        raise ContaError(
            f"{root}: instances_{name}.json has several categories of the name {twice[0]!r}, "
            "expected one of each: rename them"
        )
    aliases = {voc: own for voc, own in VOC_ALIASES.items() if own in known and voc not in known}
    classes = choose_classes(settings.classes, known, aliases)
    own = [aliases.get(c, c) for c in classes]
    if len(set(own)) != len(own):
        raise ContaError(
            f"dataset.classes: {', '.join(classes)} names one category twice, by two names"
        )
    if len(classes) >= IGNORE:
        raise ContaError(f"{root}: {len(classes)} classes; a mask holds at most {IGNORE - 1}")
    if before and before != classes:
        raise ContaError(
            f"{root}: instances_{name}.json has other categories than the training list's file; "
            "take both from one release"
        )
    return classes, {number: own.index(n) for number, n in by_id.items() if n in own}


def _images(coco: COCO, root: Path, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Image id (file name without ending) and entry of each image, ascending by number."""
    found = []
    problems = []
    for number in sorted(coco.imgs):
        entry = coco.imgs[number]
        file_name = entry["file_name"]
        where = f"instances_{name}.json, image {number}"
        try:
            check_image_id(file_name, where)  # its ending too becomes part of a path
            stem = file_name.removesuffix(PurePosixPath(file_name).suffix)
            found.append((check_image_id(stem, where), entry))
        except ContaError as error:
            problems.append(str(error))
    refuse(problems, str(root / "annotations"))
    return found
