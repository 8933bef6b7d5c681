"""Check a data set once, whole, before any training: every image, mask and list of a manifest."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from conta_core.data.file_checks import check_files, folder_problems
from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.data.mask_warnings import mask_warnings, named
from conta_core.data.photograph_warnings import copy_warnings, size_warnings
from conta_core.data.problems import Problem, refuse
from conta_core.runtime.progress import track

logger = logging.getLogger(__name__)


def check_images(
    manifest: Manifest,
    workers: int = 1,
    *,
    allow_untagged: bool = False,
    long_side: int | None = None,
    masks_are_made: bool = False,
) -> Manifest:
    """Read every file that the manifest names and fill in the sizes of the images.

    Doubts are logged as warnings: ids that are in both lists, training images without a mask
    beside others with one, photographs that ask by EXIF to be rotated or are very large, copies of
    a photograph, and masks that contradict the tags.

    Args:
        manifest: of a reader; heights and widths are not looked at. A mask may hold the keys of
            its ``mask_values``, and 255.
        workers: processes that read.
        allow_untagged: accept training images without a tag.
        long_side: of an image, at most, as stages will read it, pixels; None: as it is.
        masks_are_made: by the project, of what the tags come from: they are not compared.

    Returns:
        The manifest with the height and width of every image, in pixels, and the digests of the
        files.

    Raises:
        ContaError: one for all problems: missing or unreadable images and masks, masks or context
            maps of another size or with unexpected values, an empty training list, duplicate
            ids, untagged training images, validation images without a mask beside others with.
    """
    checked, problems = inspect_images(
        manifest,
        workers,
        allow_untagged=allow_untagged,
        long_side=long_side,
        masks_are_made=masks_are_made,
    )
    refuse(problems, f"data set {manifest.name}")
    _log_table(checked)
    return checked


def inspect_images(
    manifest: Manifest,
    workers: int = 1,
    *,
    allow_untagged: bool = False,
    long_side: int | None = None,
    masks_are_made: bool = False,
) -> tuple[Manifest, list[Problem]]:
    """As :func:`check_images`, but give the problems back.

    Returns:
        The manifest with the sizes of the images, 0 for those that cannot be read; and every
        problem.
    """
    problems = [
        *_list_problems(manifest),
        *_tag_problems(manifest, allow_untagged),
        *_unmasked_problems(manifest),
        *folder_problems(manifest),
    ]
    _warn(manifest)
    images, labels = {}, {}
    rotated = []
    found = check_files(manifest, workers, long_side)
    for check in track(found, len(manifest.images), f"checking {manifest.name}", logger):
        record = check.record
        images[record.id] = record
        problems.extend(check.problems)
        if check.orientation != 1:
            rotated.append(record)
        if check.labels is not None:
            labels[record.id] = check.labels
    checked = replace(manifest, images=images)
    for text in (
        *_turned(checked, rotated),
        *size_warnings(checked, long_side),
        *copy_warnings(checked),
        *([] if masks_are_made else mask_warnings(checked, labels)),
    ):
        logger.warning("%s", text)
    return checked, problems


def _turned(manifest: Manifest, rotated: Sequence[ImageRecord]) -> list[str]:
    """Photographs that ask by EXIF to be turned, and those of them that have a mask."""
    texts = []
    if rotated:
        texts.append(
            f"{len(rotated)} images ask by EXIF to be rotated, which is not done: they are taken "
            f"as stored: {named(manifest, [record.id for record in rotated])}"
        )
    masked = [record.id for record in rotated if record.mask is not None]
    if masked:
        texts.append(
            f"{len(masked)} of the images that ask by EXIF to be rotated have a mask, which must "
            f"be drawn on the pixels as they are stored: {named(manifest, masked)}; labelling "
            "tools draw on the turned image: look at one with conta show, and if its mask lies "
            "wrong, turn the pixels of the images, drop the EXIF tag, and export the masks again"
        )
    return texts


def _list_problems(manifest: Manifest) -> list[Problem]:
    texts = []
    if not manifest.lists["train"]:
        texts.append(
            f"the training list {manifest.list_names['train']} is empty; expected at least one "
            "image: name another list in dataset.lists.train"
        )
    for name, ids in manifest.lists.items():
        for image_id, count in Counter(ids).items():
            if count > 1:
                texts.append(
                    f"the list {manifest.list_names[name]} names {image_id} {count} times; "
                    "leave it there once"
                )
    return [Problem("lists", text) for text in texts]


def _tag_problems(manifest: Manifest, allow_untagged: bool) -> list[Problem]:
    untagged = [i for i in dict.fromkeys(manifest.lists["train"]) if not manifest.images[i].tags]
    if not untagged:
        return []
    named = ", ".join(untagged[:5]) + (", ..." if len(untagged) > 5 else "")
    if allow_untagged:
        logger.info("%d training images have no tag: %s", len(untagged), named)
        return []
    text = (
        f"{len(untagged)} images of the training list {manifest.list_names['train']} have no tag "
        f"of {', '.join(manifest.classes)}: {named}; take them off the list, or accept them as "
        "pure negatives with dataset.allow_untagged: true"
    )
    return [Problem("tags", text)]


def _unmasked_problems(manifest: Manifest) -> list[Problem]:
    unmasked = [i for i in manifest.lists["val"] if manifest.images[i].mask is None]
    if not unmasked or not manifest.has_masks("val"):
        return []
    text = (
        f"{len(unmasked)} images of the validation list {manifest.list_names['val']} have no "
        f"mask, others have one: {', '.join(unmasked[:5])}; add the masks or take these images "
        "off the list"
    )
    return [Problem("masks", text)]


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
    tags = {tag for i in manifest.lists["train"] for tag in manifest.images[i].tags}
    for name in manifest.classes:
        if name not in tags:
            logger.warning("no training image has the tag %s: that class cannot be learned", name)
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
