"""Reader of COCO instance annotations, and their conversion to label masks."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest, mask_values_of
from conta_core.data.problems import refuse
from conta_core.data.readers.coco_annotations import (
    annotation_problem,
    area_of_polygons,
    box_area,
    draw_labels,
    extent_of_polygons,
    has_region,
)
from conta_core.data.readers.coco_categories import categories_of
from conta_core.data.readers.coco_files import annotation_file
from conta_core.data.readers.coco_instances import load_instances
from conta_core.data.readers.coco_list import CocoList, named_images
from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png
from conta_core.runtime.progress import track
from conta_core.settings import DatasetSettings
from conta_core.storage.atomic import replace_folder_when_done

logger = logging.getLogger(__name__)

#: what is drawn of an object, in areas that its annotation names: outside of this it is told
_LIKELY = (0.2, 5.0)
#: of smaller objects, pixels, the share is chance
_SMALL = 64


def read_coco(settings: DatasetSettings, masks: str | os.PathLike[str] | None = None) -> Manifest:
    """Read the lists and tags of a COCO data set; its images are not opened.

    Where json and images lie: :mod:`conta_core.data.readers.coco_files`. The tags of an image are
    the chosen categories of its annotations that are no crowd and have an area, of which boxes are
    enough. Categories of both lists are matched by their names. Training images without a tag are
    left out, unless ``settings.allow_untagged``; validation images stay, since a false alarm on
    them counts.

    Args:
        settings: of format coco; its classes are COCO's names, or VOC's for the same things.
        masks: folder that :func:`write_coco_masks` wrote; None: no ground truth. A list whose
            annotations are boxes alone has none either.

    Returns:
        The manifest, with heights and widths of 0 until the images are checked. An id is made of
        the file name without its ending.

    Raises:
        ContaError: an annotation file is missing or malformed, an id or a class is not as
            expected.
    """
    root = Path(settings.root or ".")
    names = {"train": settings.lists.train, "val": settings.lists.val}
    files = _load_both(settings)
    categories = categories_of(files, settings.classes, root, names)
    classes = categories["train"].classes
    records: dict[str, ImageRecord] = {}
    lists: dict[str, tuple[str, ...]] = {}
    drawn = {kind: masks is not None and _has_regions(coco) for kind, coco in files.items()}
    for kind, coco in files.items():
        found = CocoList(coco, categories[kind], root, names[kind])
        left_out = []
        members = []
        for image_id, name, path, objects in found:
            present = found.tags(objects)
            if kind == "train" and not present and not settings.allow_untagged:
                left_out.append(image_id)
                continue
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
                mask=str(Path(masks or "") / f"{image_id}.png") if drawn[kind] else None,
                name=None if name == image_id else name,
            )
            members.append(image_id)
        if left_out:
            logger.info(
                "%s: left out %d images without a tag of the %d classes, %d stay",
                names[kind], len(left_out), len(classes), len(members),
            )  # fmt: skip
        found.warn()
        lists[kind] = tuple(members)
    truth = f"instance masks of {root}/annotations" if any(drawn.values()) else None
    return Manifest(
        name=settings.name,
        classes=classes,
        lists=lists,
        list_names=names,
        images=records,
        ground_truth=truth,
        mask_values=mask_values_of(classes, classes),
    )


def write_coco_masks(settings: DatasetSettings, folder: str | os.PathLike[str]) -> None:
    """Write ``<id>.png`` for every image of both lists, whole folder or nothing.

    Values: 0 background, i + 1 class i, 255 for objects of other categories, for crowd regions
    and for objects of which a box alone is known; what lies over what:
    :func:`~conta_core.data.readers.coco_annotations.draw_labels`.

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
    names = {"train": settings.lists.train, "val": settings.lists.val}
    files = _load_both(settings)
    categories = categories_of(files, settings.classes, root, names)
    problems = []
    for kind, coco in files.items():
        if kind == "val" and names["val"] == names["train"]:
            continue
        file, name = annotation_file(root, names[kind]).name, names[kind]
        problems.extend(_stray_annotations(coco, file))
        unlike: list[str] = []
        entries = named_images(coco, root, name)
        for (image_id, _), entry in track(entries, len(entries), f"masks of {name}", logger):
            size = (entry["height"], entry["width"])
            good = []
            for annotation in coco.imgToAnns[entry["id"]]:
                problem = annotation_problem(annotation, size)
                if problem:
                    problems.append(
                        f"{file}, image {image_id}: annotation {annotation['id']} "
                        f"cannot be drawn: {problem}; mend or delete it"
                    )
                elif annotation["category_id"] not in categories[kind].background:
                    good.append(annotation)
            if any(_is_unlike(annotation) for annotation in good):
                unlike.append(image_id)
            yield image_id, draw_labels(good, size, categories[kind].index)
        if unlike:
            logger.warning(
                "%s: in %d images what is drawn of an object is less than a fifth of the area "
                "that its annotation or its box has, or more than five times it: %s; look at their "
                "masks with conta show: the polygons may be in percent, or of another size of "
                "the image",
                file, len(unlike), ", ".join(unlike[:5]),
            )  # fmt: skip
    refuse(problems, str(root / "annotations"))


def _load_both(settings: DatasetSettings) -> dict[str, COCO]:
    """The annotations of both lists, by "train" and "val"."""
    root, lists = Path(settings.root or "."), settings.lists
    train = load_instances(root, lists.train, "train")
    same = lists.val == lists.train
    return {"train": train, "val": train if same else load_instances(root, lists.val, "val")}


def _has_regions(coco: COCO) -> bool:
    """Whether there is ground truth: an annotation with a region, or none at all."""
    annotations = coco.dataset["annotations"]
    return not annotations or any(map(has_region, annotations))


def _is_unlike(annotation: dict[str, Any]) -> bool:
    """Whether an object's polygons have not at all the area that its annotation names."""
    drawn, named = area_of_polygons(annotation), annotation.get("area")
    if not named:
        drawn, named = extent_of_polygons(annotation), box_area(annotation)
    if drawn is None or named < _SMALL:
        return False
    return not _LIKELY[0] <= drawn / named <= _LIKELY[1]


def _stray_annotations(coco: COCO, file: str) -> list[str]:
    """Annotations of images or categories that the file does not describe."""
    return [
        f"{file}: annotation {a['id']} is of the {what} {a[key]}, which the file "
        "does not describe; add that or delete the annotation"
        for a in coco.dataset["annotations"]
        for what, key, known in (
            ("image", "image_id", coco.imgs),
            ("category", "category_id", coco.cats),
        )
        if a[key] not in known
    ]
