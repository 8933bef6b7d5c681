"""Reader of VOC devkits, and of context-shapes, which is laid out like one."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml import DefusedXmlException, ElementTree

from conta_core.datasets import context_shapes
from conta_core.datasets.problems import refuse
from conta_core.errors import ContaError
from conta_core.manifest import ImageRecord, Manifest, check_image_id, mask_values_of
from conta_core.masks import IGNORE, read_label_png
from conta_core.parallel import map_in_order
from conta_core.progress import track
from conta_core.settings import DatasetSettings

logger = logging.getLogger(__name__)

#: the classes of VOC 2012 in the order of their pixel values, from 1
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
)  # fmt: skip


def read_voc(
    settings: DatasetSettings, root: str | os.PathLike[str] | None = None, *, workers: int = 1
) -> Manifest:
    """Read the lists and tags of a VOC devkit; its images are not opened.

    Below the root: ``JPEGImages/<id>.jpg``, ``ImageSets/Segmentation/<list>.txt`` (an id a line,
    or SBD's pair of paths), tags from ``Annotations/<id>.xml`` (difficult objects count) or from
    the masks, masks in ``SegmentationClassAug`` or else ``SegmentationClass`` (they may be
    absent), and ``ContextMaps/<id>.png`` where that folder exists.

    Args:
        settings: of format voc or context-shapes.
        root: folder of the devkit; None: ``settings.root``.
        workers: processes that read masks for tags.

    Returns:
        The manifest, with heights and widths of 0 until the images are checked. Values of
        classes that ``settings.classes`` leaves out are 255.

    Raises:
        ContaError: a list, annotation or (for tags) mask is missing or malformed, an id or a
            class is not as expected.
    """
    root = Path(settings.root or "." if root is None else root)
    made = settings.format == "context-shapes"
    file_classes = context_shapes.CLASSES if made else VOC_CLASSES
    classes = choose_classes(settings.classes, file_classes)
    list_names = {"train": settings.lists.train, "val": settings.lists.val}
    lists = {kind: tuple(_read_list(root, name, kind)) for kind, name in list_names.items()}
    ids = list(dict.fromkeys(image_id for members in lists.values() for image_id in members))
    folders = ("SegmentationClassAug", "SegmentationClass")
    folder = next((name for name in folders if (root / name).is_dir()), None)
    masks = {i: _existing(root / folder / f"{i}.png") if folder else None for i in ids}
    contexts = (root / "ContextMaps").is_dir()

    if settings.tags == "masks":
        found = _tags_of_masks(root, masks, file_classes, workers)
    else:
        found = _tags_of_annotations(root, ids, file_classes)
    records = {
        i: ImageRecord(
            id=i,
            image=str(root / "JPEGImages" / f"{i}.jpg"),
            height=0,
            width=0,
            tags=tuple(name for name in classes if name in found[i]),
            mask=masks[i],
            context_map=str(root / "ContextMaps" / f"{i}.png") if contexts else None,
        )
        for i in ids
    }
    others = {value: IGNORE for value in range(1, len(file_classes) + 1)}
    return Manifest(
        name=settings.name,
        classes=classes,
        lists=lists,
        list_names=list_names,
        images=records,
        ground_truth=f"{folder} of {root}" if any(masks.values()) else None,
        mask_values=dict(sorted((others | mask_values_of(file_classes, classes)).items())),
    )


def choose_classes(
    chosen: Sequence[str] | None, known: Sequence[str], aliases: dict[str, str] | None = None
) -> tuple[str, ...]:
    """The classes of a manifest: those chosen, if each is known, or all.

    Args:
        chosen: ``settings.classes``.
        known: what the data set has.
        aliases: further names that are accepted -> the data set's own.

    Raises:
        ContaError: a class that the data set does not have.
    """
    names = (*known, *(aliases or ()))
    problems = [
        f"dataset.classes: {name!r} is no class of the data set{nearest(name, names)}"
        for name in chosen or ()
        if name not in names
    ]
    refuse(problems, f"dataset.classes; the data set has {', '.join(known)}")
    if chosen is not None and not chosen:
        raise ContaError("dataset.classes: empty; name at least one class, or null for all")
    return tuple(known if chosen is None else chosen)


def nearest(name: str, names: Sequence[str]) -> str:
    """``"; did you mean 'x'?"`` for the most similar of the names, or nothing."""
    match = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {match[0]!r}?" if match else ""


def _existing(path: Path) -> str | None:
    return str(path) if path.is_file() else None


def _read_list(root: Path, name: str, kind: str) -> list[str]:
    path = root / "ImageSets" / "Segmentation" / f"{name}.txt"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        there = sorted(p.stem for p in path.parent.glob("*.txt"))
        raise ContaError(
            f"{path}: no such list; that folder has {there or 'none'}: name one of them in "
            f"dataset.lists.{kind}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ContaError(f"{path}: unreadable list ({error}); expected an id a line") from None
    ids = []
    problems = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        pair = len(words) == 2 and words[0].startswith("/JPEGImages/")
        image_id = _stem(words[0]) if pair else line.strip()
        try:
            ids.append(check_image_id(image_id, f"{path}, line {number}"))
        except ContaError as error:
            problems.append(str(error))
    refuse(problems, str(path))
    if not ids:
        raise ContaError(f"{path}: an empty list; expected an image id a line")
    return ids


def _stem(path: str) -> str:
    return path.removeprefix("/JPEGImages/").removesuffix(".jpg")


def _tags_of_annotations(
    root: Path, ids: Sequence[str], file_classes: Sequence[str]
) -> dict[str, set[str]]:
    tags = {}
    problems = []
    for image_id in ids:
        path = root / "Annotations" / f"{image_id}.xml"
        try:
            names = {o.findtext("name", "").strip() for o in ElementTree.parse(path).iter("object")}
        except FileNotFoundError:
            problems.append(
                f"{path}: no such annotation; expected the objects of {image_id}: add the file, "
                "or take tags from the masks with dataset.tags: masks"
            )
            continue
        except (ParseError, DefusedXmlException, OSError) as error:
            problems.append(f"{path}: unreadable annotation ({error}); replace the file")
            continue
        for name in sorted(names.difference(file_classes)):
            problems.append(
                f"{path}: object {name!r} is no class{nearest(name, file_classes)}; expected one "
                f"of {', '.join(file_classes)}: mend the name"
            )
        tags[image_id] = names
    refuse(problems, f"annotations of {root}")
    return tags


def _tags_of_masks(
    root: Path, masks: dict[str, str | None], file_classes: Sequence[str], workers: int
) -> dict[str, set[str]]:
    missing = [image_id for image_id, mask in masks.items() if mask is None]
    if missing:
        raise ContaError(
            f"{root}: {len(missing)} images have no mask to take tags from, among them "
            f"{missing[:5]}; add them, or use the XML with dataset.tags: annotations"
        )
    values = map_in_order(_label_values, [str(mask) for mask in masks.values()], workers)
    tags = {}
    problems = []
    tracked = track(values, len(masks), "tags of masks", logger)
    for image_id, (found, problem) in zip(masks, tracked, strict=True):
        tags[image_id] = {file_classes[v - 1] for v in found if 0 < v <= len(file_classes)}
        problems.extend(problem)
    refuse(problems, f"masks of {root}")
    return tags


def _label_values(path: str) -> tuple[list[int], list[str]]:
    """The pixel values of a mask, and what is wrong with the file."""
    try:
        return np.flatnonzero(np.bincount(read_label_png(path).ravel())).tolist(), []
    except ContaError as error:
        return [], [str(error)]
