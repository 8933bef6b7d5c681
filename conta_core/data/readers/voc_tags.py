"""The tags of a VOC devkit's images: from the XML, or from the masks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml import DefusedXmlException, ElementTree

from conta_core.data.masks import read_label_png
from conta_core.data.problems import Problem
from conta_core.errors import ContaError
from conta_core.runtime.nearest import did_you_mean
from conta_core.runtime.parallel import map_in_order
from conta_core.runtime.progress import track

logger = logging.getLogger(__name__)


def tags_of_annotations(
    root: Path, ids: Sequence[str], file_classes: Sequence[str]
) -> tuple[dict[str, set[str]], list[Problem]]:
    """Names of the objects in ``Annotations/<id>.xml``, by image, and what is wrong.

    Args:
        root: of the devkit.
        ids: images.
        file_classes: names that an object may have.
    """
    tags = {}
    problems = []
    for image_id in ids:
        path = root / "Annotations" / f"{image_id}.xml"
        try:
            objects = ElementTree.parse(path, forbid_dtd=True).iter("object")
            names = {item.findtext("name", "").strip() for item in objects}
        except FileNotFoundError:
            problems.append(
                f"{path}: no such annotation; expected the objects of {image_id}: add the file, "
                "or take tags from the masks with dataset.tags: masks"
            )
            continue
        except DefusedXmlException as error:
            problems.append(
                f"{path}: refused ({error}); expected an annotation without a document type and "
                "entities: take them out"
            )
            continue
        except (ParseError, OSError, ValueError, LookupError) as error:
            problems.append(f"{path}: unreadable annotation ({error}); replace the file")
            continue
        for name in sorted(names.difference(file_classes)):
            problems.append(
                f"{path}: object {name!r} is no class{did_you_mean(name, file_classes)}; expected "
                f"one of {', '.join(file_classes)}: mend the name"
            )
        tags[image_id] = names
    return tags, [Problem("annotations", text) for text in problems]


def tags_of_masks(
    root: Path, masks: Mapping[str, str | None], file_classes: Sequence[str], workers: int
) -> tuple[dict[str, set[str]], list[Problem]]:
    """Names of the classes in each mask, by image, and what is wrong.

    Args:
        root: of the devkit, for messages.
        masks: image id -> path, or None where there is none, which is wrong.
        file_classes: names by pixel value, from 1.
        workers: processes that read.
    """
    missing = [image_id for image_id, mask in masks.items() if mask is None]
    problems = []
    if missing:
        problems.append(
            f"{root}: {len(missing)} images have no mask to take tags from, among them "
            f"{missing[:5]}; add them, or use the XML with dataset.tags: annotations"
        )
    there = {image_id: mask for image_id, mask in masks.items() if mask is not None}
    values = map_in_order(_label_values, there.values(), workers)
    tags = {}
    tracked = track(values, len(there), "tags of masks", logger)
    for image_id, (found, problem) in zip(there, tracked, strict=True):
        tags[image_id] = {file_classes[v - 1] for v in found if 0 < v <= len(file_classes)}
        problems.extend(problem)
    return tags, [Problem("tags", text) for text in problems]


def _label_values(path: str) -> tuple[list[int], list[str]]:
    """The pixel values of a mask, and what is wrong with the file."""
    try:
        return np.flatnonzero(np.bincount(read_label_png(path).ravel())).tolist(), []
    except ContaError as error:
        return [], [str(error)]
