"""Reader of a plain folder: images and a table of their tags."""

from __future__ import annotations

import csv
import difflib
import logging
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from conta_core.data.image_ids import MAX_ID_LENGTH, check_image_id
from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest, mask_values_of
from conta_core.data.masks import IGNORE
from conta_core.data.problems import refuse
from conta_core.errors import ContaError
from conta_core.runtime.nearest import did_you_mean
from conta_core.settings import DatasetSettings

LOGGER = logging.getLogger(__name__)
#: Linux takes 4,096 bytes, those of the root among them
MAX_PATH_LENGTH = 1000
COLUMNS = ("image", "tags", "split", "mask")


@dataclass(frozen=True)
class _Row:
    where: str
    id: str
    image: str
    tags: tuple[str, ...]
    split: str
    mask: str


def read_folder(settings: DatasetSettings) -> Manifest:
    """Read ``tags.csv`` below the root; the images are not opened.

    Its columns are ``image`` (path below the root; the id is its name without the ending),
    ``tags`` (separated by ``;``) and, if wanted, ``split`` (a name of ``settings.lists``;
    without it the image is for training) and ``mask`` (path below the root; without it
    ``masks/<id>.png``, if that exists). Class i has the value i + 1 in a mask.

    Args:
        settings: of format folder; without classes, they are the tags in alphabetical order.

    Returns:
        The manifest, with heights and widths of 0 until the images are checked. The validation
        list may be empty.

    Raises:
        ContaError: one for all problems of the table.
    """
    root = Path(settings.root or ".")
    table = root / "tags.csv"
    splits = {settings.lists.train: "train", settings.lists.val: "val"}
    rows, problems = _read_rows(table, settings.lists.train)
    classes = settings.classes or tuple(sorted({tag for row in rows for tag in row.tags}))
    if len(classes) >= IGNORE:
        raise ContaError(f"{table}: {len(classes)} classes; at most {IGNORE - 1} are possible")
    records: dict[str, ImageRecord] = {}
    lists: dict[str, list[str]] = {"train": [], "val": []}
    for row in rows:
        for tag in row.tags:
            if tag not in classes:
                problems.append(
                    f"{row.where}: tag {tag!r} of image {row.image} is no class"
                    f"{did_you_mean(tag, classes)}; expected some of {', '.join(classes)}: mend "
                    "the tag, or add it to dataset.classes"
                )
        if row.split not in splits:
            problems.append(
                f"{row.where}: split {row.split!r} of image {row.image}; expected "
                f"{' or '.join(splits)}"
            )
            continue
        if row.id in records:
            problems.append(
                f"{row.where}: {row.image} has the id {row.id} of {records[row.id].image}; ids "
                "are file names without ending and unique: rename one"
            )
            continue
        given = root / row.mask if row.mask else root / "masks" / f"{row.id}.png"
        records[row.id] = ImageRecord(
            id=row.id,
            image=str(root / row.image),
            height=0,
            width=0,
            tags=tuple(name for name in classes if name in row.tags),
            mask=str(given) if row.mask or given.is_file() else None,
        )
        lists[splits[row.split]].append(row.id)
    problems += _misplaced(root, records)
    refuse(problems, str(table))
    if not settings.classes:
        _warn_of_look_alikes(table, Counter(tag for row in rows for tag in row.tags))
    if not classes:
        raise ContaError(f"{table}: no row has a tag; expected at least one class")
    return Manifest(
        name=settings.name,
        classes=classes,
        lists={kind: tuple(ids) for kind, ids in lists.items()},
        list_names={kind: name for name, kind in splits.items()},
        images=records,
        ground_truth=f"masks of {root}" if any(r.mask for r in records.values()) else None,
        mask_values=mask_values_of(classes, classes),
    )


def _misplaced(root: Path, records: Mapping[str, ImageRecord]) -> list[str]:
    """Images that are not where the table says, but elsewhere below the root."""
    missing = [record.image for record in records.values() if not os.path.isfile(record.image)]
    if not missing:
        return []  # the usual case: the folder is not walked through
    there = {
        name.lower(): os.path.relpath(os.path.join(folder, name), root)
        for folder, _, names in os.walk(root)
        for name in names
    }
    return [
        f"{path}: no such image, but there is {found}: write that into tags.csv, as the path below "
        "its folder"
        for path in missing
        if (found := there.get(os.path.basename(path).lower())) is not None
    ]


def _warn_of_look_alikes(table: Path, counts: Counter[str]) -> None:
    """Say which tags may be another, misspelt: each is a class of its own."""
    for tag, count in counts.items():
        others = [other for other in counts if counts[other] > count]
        same = [other for other in others if other.casefold() == tag.casefold()]
        rare = difflib.get_close_matches(tag, others, n=1) if count == 1 else []
        for other in (same or rare)[:1]:
            LOGGER.warning(
                "%s: the tag %r (images: %d) looks like %r (images: %d), and both are classes now: "
                "mend it if it is misspelt",
                table,
                tag,
                count,
                other,
                counts[other],
            )


def _header_hint(header: Sequence[str]) -> str:
    """What to do about the usual wrong first lines."""
    names = {name.strip().lower() for cell in header for name in re.split(r"[;\t]", cell)}
    if {"image", "tags"} <= names:
        if len(header) == 1:
            return ": separate the columns by commas, and tags by ';'"
        return ": write the names in small letters, without spaces, each once"
    return ": name the columns so in the first line"


def _read_rows(table: Path, default_split: str) -> tuple[list[_Row], list[str]]:
    try:
        with open(table, newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            header = reader.fieldnames or []
            unknown = [name for name in header if name not in COLUMNS]
            repeated = len(set(header)) < len(header)
            if "image" not in header or "tags" not in header or unknown or repeated:
                raise ContaError(
                    f"{table}: its first line is {','.join(header)!r}; expected "
                    f"image,tags[,split][,mask]{_header_hint(header)}"
                )
            lines = [(reader.line_num, line) for line in reader]
    except FileNotFoundError:
        raise ContaError(
            f"{table}: no such file; expected a table with the columns image,tags[,split][,mask]"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ContaError(
            f"{table}: unreadable ({error}); expected a CSV file in UTF-8: in a spreadsheet, save "
            "it as 'CSV UTF-8'"
        ) from None
    rows = []
    problems = []
    for number, line in lines:
        where = f"{table}, line {number}"
        if None in line or None in line.values():
            cells: dict[Any, Any] = dict(line)  # what is too much stands under None, as a list
            further = cells.pop(None, [])
            found = [*(value for value in cells.values() if value is not None), *further]
            problems.append(
                f"{where}: {len(found)} cells, {','.join(found)[:MAX_ID_LENGTH]!r}, but the first "
                f"line has {len(header)}; separate tags by ';', quote names that hold a comma"
            )
            continue
        cells = {key: value.strip() for key, value in line.items()}
        try:
            image = _inside(cells["image"], where)
            rows.append(
                _Row(
                    where=where,
                    id=check_image_id(PurePosixPath(image).stem, where),
                    image=image,
                    tags=tuple(t.strip() for t in cells["tags"].split(";") if t.strip()),
                    split=cells.get("split") or default_split,
                    mask=_inside(cells["mask"], where) if cells.get("mask") else "",
                )
            )
        except ContaError as error:
            problems.append(str(error))
    return rows, problems


def _inside(path: str, where: str) -> str:
    """The path, if it is relative and stays below the root."""
    parts = path.replace("\\", "/").split("/")
    strange = "\\" in path or not path.isprintable() or len(path) > MAX_PATH_LENGTH
    if not path or os.path.isabs(path) or ".." in parts or strange:
        raise ContaError(
            f"{where}: path {path[:MAX_ID_LENGTH]!r}; expected one relative to the folder of "
            f"tags.csv, with '/' and without '..', of at most {MAX_PATH_LENGTH} printable "
            "characters: move the file below that folder"
        )
    return path
