"""Check a data set once, whole, before any training: every image, mask and list of a manifest."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from conta_core.errors import ContaError
from conta_core.images import read_image
from conta_core.manifest import Manifest
from conta_core.masks import IGNORE, read_label_png
from conta_core.parallel import map_in_order
from conta_core.progress import track

logger = logging.getLogger(__name__)

#: how many problems an error spells out
MAX_LISTED = 20


def check_images(manifest: Manifest, workers: int = 1, *, allow_untagged: bool = False) -> Manifest:
    """Read every file that the manifest names and fill in the sizes of the images.

    Ids that are in both lists, and training images without a mask beside others with one, are
    logged as warnings.

    Args:
        manifest: of a reader; heights and widths are not looked at. A mask may hold the keys of
            its ``mask_values``, and 255.
        workers: processes that read.
        allow_untagged: accept training images without a tag.

    Returns:
        The manifest with the height and width of every image, in pixels.

    Raises:
        ContaError: one for all problems: missing or unreadable images and masks, masks or context
            maps of another size or with unexpected values, an empty training list, duplicate
            ids, untagged training images, validation images without a mask beside others with.
    """
    problems = [
        *_list_problems(manifest),
        *_tag_problems(manifest, allow_untagged),
        *_unmasked_problems(manifest),
    ]
    _warn(manifest)
    labels = frozenset(manifest.mask_values) | {IGNORE}
    contexts = frozenset(manifest.mask_values) - {0}
    files = [
        _Files(r.id, r.image, r.mask, r.context_map, labels, contexts)
        for r in manifest.images.values()
    ]
    images = {}
    found = map_in_order(_check_files, files, workers)
    for check in track(found, len(files), f"checking {manifest.name}", logger):
        height, width = check.size
        images[check.id] = replace(manifest.images[check.id], height=height, width=width)
        problems.extend(check.problems)
    refuse(problems, f"data set {manifest.name}")
    checked = replace(manifest, images=images)
    _log_table(checked)
    return checked


def refuse(problems: Sequence[str], what: str) -> None:
    """Raise one ContaError that lists the problems of ``what``, up to 20; none: return."""
    if not problems:
        return
    shown = "".join(f"\n  - {problem}" for problem in problems[:MAX_LISTED])
    more = len(problems) - MAX_LISTED
    rest = f"\n  ... and {more} more" if more > 0 else ""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    raise ContaError(f"{what}: {count}{shown}{rest}")


@dataclass(frozen=True)
class _Files:
    id: str
    image: str
    mask: str | None
    context_map: str | None
    labels: frozenset[int]
    contexts: frozenset[int]


@dataclass(frozen=True)
class _Check:
    id: str
    size: tuple[int, int]
    problems: tuple[str, ...]


def _check_files(files: _Files) -> _Check:
    problems = []
    size = (0, 0)
    try:
        height, width = read_image(files.image).shape[:2]
        size = (height, width)
    except ContaError as error:
        problems.append(str(error))
    for path, expected in ((files.mask, files.labels), (files.context_map, files.contexts)):
        if path is None:
            continue
        try:
            labels = read_label_png(path)
        except ContaError as error:
            problems.append(str(error))
            continue
        if size != (0, 0) and labels.shape != size:
            problems.append(
                f"{path}: {_extent(labels.shape)} but {files.image} is {_extent(size)}; they must "
                "be equal: make the mask again from this image"
            )
        values = np.flatnonzero(np.bincount(labels.ravel(), minlength=256)).tolist()
        strange = [value for value in values if value not in expected]
        if strange:
            problems.append(
                f"{path}: holds the values {strange[:10]}; expected {_spans(expected)}: convert "
                "the mask, or name all of its classes in dataset.classes"
            )
    return _Check(files.id, size, tuple(problems))


def _list_problems(manifest: Manifest) -> list[str]:
    problems = []
    if not manifest.lists["train"]:
        problems.append(
            f"the training list {manifest.list_names['train']} is empty; expected at least one "
            "image: name another list in dataset.lists.train"
        )
    for name, ids in manifest.lists.items():
        for image_id, count in Counter(ids).items():
            if count > 1:
                problems.append(
                    f"the list {manifest.list_names[name]} names {image_id} {count} times; "
                    "leave it there once"
                )
    return problems


def _tag_problems(manifest: Manifest, allow_untagged: bool) -> list[str]:
    untagged = [i for i in dict.fromkeys(manifest.lists["train"]) if not manifest.images[i].tags]
    if not untagged:
        return []
    named = ", ".join(untagged[:5]) + (", ..." if len(untagged) > 5 else "")
    if allow_untagged:
        logger.info("%d training images have no tag: %s", len(untagged), named)
        return []
    return [
        f"{len(untagged)} images of the training list {manifest.list_names['train']} have no tag "
        f"of {', '.join(manifest.classes)}: {named}; take them off the list, or accept them as "
        "pure negatives with dataset.allow_untagged: true"
    ]


def _unmasked_problems(manifest: Manifest) -> list[str]:
    unmasked = [i for i in manifest.lists["val"] if manifest.images[i].mask is None]
    if not unmasked or not manifest.has_masks("val"):
        return []
    return [
        f"{len(unmasked)} images of the validation list {manifest.list_names['val']} have no "
        f"mask, others have one: {', '.join(unmasked[:5])}; add the masks or take these images "
        "off the list"
    ]


def _warn(manifest: Manifest) -> None:
    both = sorted(set(manifest.lists["train"]) & set(manifest.lists["val"]))
    if both:
        logger.warning(
            "%d images are in both lists, so that scores of validation are of images trained "
            "on: %s",
            len(both),
            ", ".join(both[:5]),
        )
    if not manifest.lists["val"]:
        logger.warning("the validation list is empty: nothing will be scored on it")
    unmasked = [i for i in manifest.lists["train"] if manifest.images[i].mask is None]
    if unmasked and manifest.has_masks("train"):
        logger.warning(
            "%d of %d training images have no mask: scores of the training list leave them out",
            len(unmasked),
            len(manifest.lists["train"]),
        )


def _log_table(manifest: Manifest) -> None:
    """Images and tags by class and list."""
    width = max(len(name) for name in (*manifest.classes, "untagged"))
    names = [f"{kind} ({manifest.list_names[kind]})" for kind in manifest.lists]
    counts = {
        kind: Counter(tag for i in ids for tag in manifest.images[i].tags or ("untagged",))
        for kind, ids in manifest.lists.items()
    }
    rows = [("images", [len(ids) for ids in manifest.lists.values()])]
    for name in (*manifest.classes, "untagged"):
        rows.append((name, [counts[kind][name] for kind in manifest.lists]))
    lines = [" ".join(["".ljust(width), *(n.rjust(max(8, len(n))) for n in names)])]
    for label, numbers in rows:
        cells = [str(k).rjust(max(8, len(n))) for k, n in zip(numbers, names, strict=True)]
        lines.append(" ".join([label.ljust(width), *cells]))
    logger.info("data set %s:\n%s", manifest.name, "\n".join(lines))
    for name in manifest.classes:
        if not counts["train"][name]:
            logger.warning("no training image has the tag %s: that class cannot be learned", name)


def _extent(size: tuple[int, ...]) -> str:
    return f"{size[1]} x {size[0]} pixels"


def _spans(values: frozenset[int]) -> str:
    """The values in words: ``0-20, 255``."""
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
