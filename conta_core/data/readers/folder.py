"""Reader of a plain folder: images and a table of their tags."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from conta_core.data.image_ids import image_id_of
from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest, mask_values_of
from conta_core.data.problems import refuse
from conta_core.data.readers.folder_files import (
    MASKS,
    list_files,
    stored_name,
    warn_of_masks_elsewhere,
    warn_of_unread_masks,
)
from conta_core.data.readers.label_maps import LabelMap, find_label_map
from conta_core.data.readers.tag_cells import tags_of_rows
from conta_core.data.readers.tag_names import canonical, classes_problems
from conta_core.data.readers.tag_table import Row, read_table
from conta_core.errors import ContaError
from conta_core.images.masks import IGNORE
from conta_core.runtime.nearest import did_you_mean
from conta_core.settings import DatasetSettings

LOGGER = logging.getLogger(__name__)


def read_folder(settings: DatasetSettings) -> Manifest:
    """Read ``tags.csv`` below the root; the images are not opened.

    Its columns are ``image`` (path below the root), ``tags`` (separated by ``;``) and, if wanted,
    ``split`` (a name of ``settings.lists``; without it the image is for training) and ``mask``
    (path below the root; without it the PNG in ``masks/`` that is called like the image, if there
    is one). Class i has the value i + 1 in a mask, unless a label map in the root or in ``masks/``
    says otherwise (:mod:`conta_core.data.readers.label_maps`). The id of an image is made from its
    name without ending, or from its path where two have one name.

    Args:
        settings: of format folder; without classes, they are those of the label map, or else the
            tags in alphabetical order.

    Returns:
        The manifest, with heights and widths of 0 until the images are checked. The validation
        list may be empty.

    Raises:
        ContaError: one for all problems of the table.
    """
    root = Path(settings.root or ".")
    table = root / "tags.csv"
    rows, problems = read_table(table)
    labels = find_label_map(root, root / "masks", zero_named=False)
    given = settings.classes or (labels.classes if labels else None)
    tags = tags_of_rows(table, rows, given and [canonical(name) for name in given])
    classes = given or tuple(sorted({tag for found in tags for tag in found}))
    if len(classes) >= IGNORE:
        raise ContaError(f"{table}: {len(classes)} classes; at most {IGNORE - 1} are possible")
    if labels and not settings.classes:
        LOGGER.info("%s: names the classes: %s", labels.path, ", ".join(classes))
    problems += classes_problems(settings.classes or (), labels.classes if labels else None)
    problems += _tag_problems(rows, tags, classes, labels)
    lists = {"train": settings.lists.train, "val": settings.lists.val}
    records, members, wrong = _records(root, rows, tags, classes, lists)
    problems += wrong
    records, wrong = _found_on_disk(root, records)
    refuse([*problems, *wrong], str(table))
    if not classes:
        raise ContaError(f"{table}: no row has a tag; expected at least one class")
    records = _with_masks(root, records)
    return Manifest(
        name=settings.name,
        classes=classes,
        lists=members,
        list_names=lists,
        images=records,
        ground_truth=f"masks of {root}" if any(r.mask for r in records.values()) else None,
        mask_values=_mask_values(classes, labels, settings.classes is not None),
        mask_colours=labels.mask_colours() if labels else {},
    )


def _mask_values(
    classes: tuple[str, ...], labels: LabelMap | None, are_given: bool
) -> dict[int, int]:
    """What the values of masks mean.

    Classes that nobody names, but for the tags, may be fewer than those of the masks: other values
    are ignored then, and told.
    """
    if labels is not None:
        return labels.mask_values(classes)
    values = mask_values_of(classes, classes)
    return values if are_given else dict.fromkeys(range(IGNORE), IGNORE) | values


def _tag_problems(
    rows: Sequence[Row],
    tags: Sequence[tuple[str, ...]],
    classes: tuple[str, ...],
    labels: LabelMap | None,
) -> list[str]:
    known = {canonical(name) for name in classes}
    where = labels.path.name if labels else "dataset.classes"
    return [
        f"{row.where}: tag {tag!r} of image {row.image} is no class"
        f"{did_you_mean(tag, classes)}; expected some of {', '.join(classes)}: mend the tag, or "
        f"add it to {where}"
        for row, found in zip(rows, tags, strict=True)
        for tag in found
        if tag not in known
    ]


def _records(
    root: Path,
    rows: Sequence[Row],
    tags: Sequence[tuple[str, ...]],
    classes: tuple[str, ...],
    list_names: Mapping[str, str],
) -> tuple[dict[str, ImageRecord], dict[str, tuple[str, ...]], list[str]]:
    """Records by id, the lists' ids, and what is wrong with the rows."""
    kinds = {name: kind for kind, name in list_names.items()}
    names = [stored_name(PurePosixPath(row.image).stem) for row in rows]
    count = Counter(names)
    records: dict[str, ImageRecord] = {}
    members: dict[str, list[str]] = {kind: [] for kind in list_names}
    problems = []
    for row, found, short in zip(rows, tags, names, strict=True):
        split = row.split or list_names["train"]
        if split not in kinds:
            problems.append(
                f"{row.where}: split {split!r} of image {row.image}; expected {' or '.join(kinds)}"
            )
            continue
        path = PurePosixPath(row.image)
        name = short if count[short] == 1 else stored_name(str(path.with_suffix("")))
        try:
            image_id = image_id_of(name, row.where)
        except ContaError as error:
            problems.append(str(error))
            continue
        if image_id in records:
            problems.append(
                f"{row.where}: {row.image} has the id {image_id} of {records[image_id].image}; an "
                "image stands in the table once, and images of a folder differ in more than the "
                "ending: delete the line, or rename one"
            )
            continue
        records[image_id] = ImageRecord(
            id=image_id,
            image=str(root / row.image),
            height=0,
            width=0,
            tags=tuple(one for one in classes if canonical(one) in found),
            mask=str(root / row.mask) if row.mask else None,
            name=None if name == image_id else name,
        )
        members[kinds[split]].append(image_id)
    return records, {kind: tuple(ids) for kind, ids in members.items()}, problems


def _found_on_disk(
    root: Path, records: Mapping[str, ImageRecord]
) -> tuple[dict[str, ImageRecord], list[str]]:
    """The records with the paths as the disk has them, and images that lie elsewhere.

    A disk may have composed letters (é) where the table has two characters, or the reverse.
    """
    missing = {
        path
        for record in records.values()
        for path in (record.image, record.mask)
        if path and (path == record.image or not path.isascii()) and not os.path.isfile(path)
    }
    if not missing:
        return dict(records), []  # the usual case: the folder is not walked through
    there = [
        os.path.relpath(os.path.join(folder, name), root)
        for folder, _, names in os.walk(root)
        for name in names
    ]
    alike = {stored_name(str(root / path)): str(root / path) for path in there}
    named = {os.path.basename(path).lower(): path for path in there}
    found = {path: alike.get(stored_name(path), path) for path in missing}
    problems = [
        f"{record.image}: no such image, but there is {other}: write that into tags.csv, as the "
        "path below its folder"
        for record in records.values()
        if found.get(record.image) == record.image
        and (other := named.get(os.path.basename(record.image).lower())) is not None
    ]
    renamed = {
        image_id: replace(
            record,
            image=found.get(record.image, record.image),
            mask=record.mask and found.get(record.mask, record.mask),
        )
        for image_id, record in records.items()
    }
    return renamed, problems


def _with_masks(root: Path, records: Mapping[str, ImageRecord]) -> dict[str, ImageRecord]:
    """The records with the masks in ``masks/`` of those that have none; tells of files unread."""
    files = list_files(root / "masks")
    found = dict(records)
    for image_id, record in records.items():
        if record.mask is None:
            below = os.path.splitext(os.path.relpath(record.image, root))[0]
            names = (record.own_name, below, below.partition("/")[2])
            masks = (files.find(name, MASKS) for name in names)
            found[image_id] = replace(record, mask=next(filter(None, masks), None))
    if found and not any(record.mask for record in found.values()) and not files.paths:
        images = {Path(record.image).parent for record in found.values()}
        called = [record.own_name for record in found.values()]
        warn_of_masks_elsewhere(root, called, images, str(root / "masks"))
    warn_of_unread_masks(
        files,
        {record.mask for record in found.values() if record.mask},
        [record.own_name for record in found.values() if record.mask is None],
        mend=", or write its path into the column mask of tags.csv",
        own=True,
    )
    return found
