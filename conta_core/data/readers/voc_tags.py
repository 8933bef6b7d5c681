"""The tags of a VOC devkit's images: from the XML, or from the masks."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml import DefusedXmlException, ElementTree

from conta_core.data.problems import Problem
from conta_core.data.readers.tag_names import is_reserved, known_as
from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png
from conta_core.runtime.nearest import did_you_mean
from conta_core.runtime.parallel import map_in_order
from conta_core.runtime.progress import track

logger = logging.getLogger(__name__)


def tags_of_annotations(
    paths: Mapping[str, Path], file_classes: Sequence[str], mend: str = "mend the name"
) -> tuple[dict[str, set[str]], list[Problem]]:
    """Names of the objects in annotations, by image, and what is wrong.

    A name is a class where it differs from it in letter case and spaces alone. Objects that are
    called background, or void, are left out, and that is told.

    Args:
        paths: image id -> its annotation.
        file_classes: names that an object may have.
        mend: what to do about another name.
    """
    tags = {}
    problems = []
    reserved: dict[str, list[str]] = defaultdict(list)
    for image_id, path in paths.items():
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
        found = {name: known_as(name, file_classes) for name in sorted(names)}
        for name in [name for name, known in found.items() if known is None]:
            if is_reserved(name):
                reserved[name].append(path.name)
                continue
            problems.append(
                f"{path}: object {name!r} is no class{did_you_mean(name, file_classes)}; expected "
                f"one of {', '.join(file_classes)}: {mend}"
            )
        tags[image_id] = names.intersection(file_classes) | {*filter(None, found.values())}
    for name, files in reserved.items():
        logger.warning(
            "objects called %r are left out, since that is no class: %d annotations, among them %s",
            name,
            len(files),
            ", ".join(files[:3]),
        )
    return tags, [Problem("annotations", text) for text in problems]


def tags_of_masks(
    root: Path,
    masks: Mapping[str, str | None],
    names: Mapping[int, str],
    workers: int,
    colours: Mapping[int, int] | None = None,
) -> tuple[dict[str, set[str]], list[Problem]]:
    """Names of the classes in each mask, by image, and what is wrong.

    Args:
        root: of the devkit, for messages.
        masks: image id -> path, or None where there is none, which is wrong.
        names: of the classes by pixel value.
        workers: processes that read.
        colours: 0xRRGGBB -> pixel value, where the data set names its colours.
    """
    missing = [image_id for image_id, mask in masks.items() if mask is None]
    problems = []
    if missing:
        problems.append(
            f"{root}: {len(missing)} images have no mask to take tags from, among them "
            f"{missing[:5]}; add them, or use the XML with dataset.tags: annotations"
        )
    there = {image_id: mask for image_id, mask in masks.items() if mask is not None}
    values = map_in_order(partial(_label_values, colours), there.values(), workers)
    tags = {}
    tracked = track(values, len(there), "tags of masks", logger)
    for image_id, (found, problem) in zip(there, tracked, strict=True):
        tags[image_id] = {names[value] for value in found if value in names}
        problems.extend(problem)
    return tags, [Problem("tags", text) for text in problems]


def _label_values(colours: Mapping[int, int] | None, path: str) -> tuple[list[int], list[str]]:
    """The pixel values of a mask, and what is wrong with the file."""
    try:
        return np.flatnonzero(np.bincount(read_label_png(path, colours).ravel())).tolist(), []
    except ContaError as error:
        return [], [str(error)]
