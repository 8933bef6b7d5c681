"""Pseudo-masks of a round as VOC palette PNGs, and as run-length codes in COCO's JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pycocotools import mask as run_lengths

from conta_core.data.image_ids import given_id
from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.data.mask_folder import require_masks
from conta_core.data.readers.coco_categories import VOC_ALIASES
from conta_core.data.readers.coco_files import relative_name
from conta_core.errors import ContaError
from conta_core.images.masks import IGNORE, read_label_png, write_label_png
from conta_core.storage.atomic import replace_folder_when_done, replace_when_done
from conta_core.storage.json_files import read_json
from conta_core.tools.exporting.run_files import RoundFiles


def write_voc_masks(files: RoundFiles, folder: Path) -> Iterator[str]:
    """Write a PNG for every training image, whole folder or nothing.

    It is called as its owner calls the photograph, below the folders of that name.

    Args:
        files: the round.
        folder: of the PNGs; replaced when all are written.

    Yields:
        The id of each image that was written.

    Raises:
        ContaError: a pseudo-mask is missing or broken.
    """
    with replace_folder_when_done(folder) as temporary:
        for record, labels in _pseudo_masks(files):
            path = temporary / f"{record.own_name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_label_png(path, labels)
            yield record.id


@dataclass(frozen=True)
class CocoNumbers:
    """The numbers that COCO's JSON gives to things.

    Attributes:
        categories: class name -> category id; names that are missing: 1 to n, as in the masks.
        images: image id (file name without ending) -> its number; None: 1 to N in list order.
        file_names: image id -> file name, where it is known otherwise than from the manifest.
    """

    categories: Mapping[str, int]
    images: Mapping[str, int] | None = None
    file_names: Mapping[str, str] = field(default_factory=dict)


def coco_numbers_of(path: str | Path, manifest: Manifest) -> CocoNumbers:
    """The category ids and image numbers of a data set's own annotations.

    Args:
        path: of an instances_<list>.json with the manifest's classes and training images.
        manifest: of the run.

    Raises:
        ContaError: no such annotations, or they lack a class or an image of the run.
    """
    try:
        content = read_json(path)
        by_name = {str(c["name"]): int(c["id"]) for c in content["categories"]}
        entries = {_id_of(i["file_name"]): i for i in content["images"]}
        images = {image_id: int(entry["id"]) for image_id, entry in entries.items()}
        file_names = {image_id: str(entry["file_name"]) for image_id, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContaError(
            f"{path}: no COCO annotations ({error}); name the data set's instances_<list>.json"
        ) from None
    own = {c: c if c in by_name else VOC_ALIASES.get(c, c) for c in manifest.classes}
    if lacking := [c for c in manifest.classes if own[c] not in by_name]:
        raise ContaError(
            f"{path}: has no category {lacking[0]!r}, a class of the run; name the annotations of "
            "the data set that the run was made from"
        )
    if lacking := [i for i in manifest.ids("train") if i not in images]:
        raise ContaError(
            f"{path}: has no image {lacking[0]}, nor {len(lacking) - 1} others of the run's "
            f"training list; name the annotations of the list {manifest.list_names['train']}"
        )
    return CocoNumbers({c: by_name[own[c]] for c in manifest.classes}, images, file_names)


def _id_of(file_name: str) -> str:
    """The image id that COCO's reader makes of a file name."""
    return given_id(str(PurePosixPath(relative_name(file_name)).with_suffix("")))


def usual_numbers(manifest: Manifest) -> CocoNumbers:
    """Category ids 1 to n, as in the masks, and images from 1 in the order of the list."""
    return CocoNumbers({name: i for i, name in enumerate(manifest.classes, start=1)})


def write_coco_masks(files: RoundFiles, path: Path, numbers: CocoNumbers) -> Iterator[str]:
    """Write a JSON that pycocotools' ``COCO`` reads: one annotation an image and class.

    A pseudo-mask tells classes, not objects: all of a class in an image is one annotation, a
    compressed run-length code with ``iscrowd`` 0. Ignored pixels (255) belong to none.

    Args:
        files: the round.
        path: of the JSON; it appears whole or not at all.
        numbers: of categories and images.

    Yields:
        The id of each image that was coded.

    Raises:
        ContaError: a pseudo-mask is missing or broken.
    """
    manifest = files.manifest()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (record, labels) in enumerate(_pseudo_masks(files), start=1):
        image_id = record.id
        image_number = number if numbers.images is None else numbers.images[image_id]
        images.append(
            {
                "id": image_number,
                "file_name": numbers.file_names.get(
                    image_id, record.own_name + Path(record.image).suffix
                ),
                "height": record.own_size[0],
                "width": record.own_size[1],
            }
        )
        for value in np.unique(labels[(labels > 0) & (labels != IGNORE)]).tolist():
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_number,
                    "category_id": numbers.categories[manifest.classes[value - 1]],
                    "iscrowd": 0,
                    **_region(labels == value),
                }
            )
        yield image_id
    content = {
        "info": {"description": f"pseudo-masks of round {files.index} of {files.run.name}"},
        "licenses": [],
        "categories": [
            {"id": numbers.categories[c], "name": c, "supercategory": ""} for c in manifest.classes
        ],
        "images": images,
        "annotations": annotations,
    }
    with replace_when_done(path) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")


def _region(pixels: np.ndarray) -> dict[str, Any]:
    """Run-length code, area and bounding box (x, y, width, height) of pixels, bool (H, W)."""
    code = run_lengths.encode(np.asfortranarray(pixels, dtype=np.uint8))
    return {
        "segmentation": {"size": code["size"], "counts": code["counts"].decode("ascii")},
        "area": int(run_lengths.area(code)),
        "bbox": run_lengths.toBbox(code).tolist(),
    }


def _pseudo_masks(files: RoundFiles) -> Iterator[tuple[ImageRecord, np.ndarray]]:
    """Record and labels, uint8 (H, W), of every training image, each checked."""
    manifest = files.manifest()
    ids = manifest.ids("train")
    require_masks(files.pseudo_masks, ids)
    for image_id in ids:
        path = files.pseudo_masks / f"{image_id}.png"
        labels = read_label_png(path)
        height, width = manifest.images[image_id].own_size
        strange = labels[(labels > len(manifest.classes)) & (labels != IGNORE)]
        if labels.shape != manifest.images[image_id].own_size or strange.size:
            raise ContaError(
                f"{path}: a mask of {labels.shape[1]} x {labels.shape[0]} pixels with values up "
                f"to {labels.max()}; expected {width} x "
                f"{height}, 0 to {len(manifest.classes)} and {IGNORE}: "
                "delete the folder and let the workflow make it again"
            )
        yield manifest.images[image_id], labels
