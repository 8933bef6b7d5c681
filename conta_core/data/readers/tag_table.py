"""The table of a plain folder, tags.csv, as spreadsheets save it."""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from conta_core.data.image_ids import MAX_ID_LENGTH
from conta_core.data.readers.tag_names import canonical, parts_of
from conta_core.errors import ContaError

#: Linux takes 4,096 bytes, those of the root among them
MAX_PATH_LENGTH = 1000
#: bytes of a file's or folder's name
MAX_PART = 255
COLUMNS = ("image", "tags", "split", "mask")
#: between columns
SEPARATORS = ",;\t"
#: characters in which the names of the columns are looked for
_FIRST_LINES = 4096
_EXPECTED = "image,tags[,split][,mask]"


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        where: the table and the line, for messages.
        image: path below the table's folder.
        tags: as written, but for spaces and what cannot be seen.
        split: a name of a list; empty: none is given.
        mask: path below the table's folder; empty: none is given.
    """

    where: str
    image: str
    tags: tuple[str, ...]
    split: str
    mask: str


def read_table(table: Path) -> tuple[list[Row], list[str]]:
    """Read the rows of a table, and what is wrong with the others.

    Columns are separated by commas, semicolons or tabs, as the first line has it; a line
    ``sep=;`` may stand before. Names of columns may have capitals and spaces. Rows without a
    filled cell, and cells that are empty beyond the named columns, are passed over; so is a first
    column of numbers without a name.

    Raises:
        ContaError: there is no table, or its first line or its encoding is another.
    """
    try:
        with open(table, newline="", encoding="utf-8-sig") as stream:
            text = stream.read()
        lines = _split(text)
        first = next(lines, (1, [""]))[1]
        header = [canonical(cell).lower() for cell in first]
        header = ["" if name == "unnamed: 0" else name for name in header]
        names = [name for name in header if name]
        if {"image", "tags"} - {*names} or {*names} - {*COLUMNS} or len({*names}) < len(names):
            mend = "name the columns so in the first line, each once"
            if len(first) == 1 and len(parts_of(first[0])) > 1:
                mend = "its lines are quoted whole: take those quotes out"
            raise ContaError(
                f"{table}: its first line is {','.join(first)[:MAX_ID_LENGTH]!r}; expected "
                f"{_EXPECTED}: {mend}"
            )
        cells = _without_numbers(header, list(lines))
    except FileNotFoundError:
        raise ContaError(
            f"{table}: no such file; expected a table with the columns {_EXPECTED}"
            f"{_other_tables(table)}"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ContaError(
            f"{table}: unreadable ({error}); expected a CSV file in UTF-8: in a spreadsheet, save "
            "it as 'CSV UTF-8'"
        ) from None
    rows = []
    problems = []
    for number, found in cells:
        try:
            rows.append(_row(f"{table}, line {number}", header, found))
        except ContaError as error:
            problems.append(str(error))
    return rows, problems


def _without_numbers(
    header: Sequence[str], rows: list[tuple[int, list[str]]]
) -> list[tuple[int, list[str]]]:
    """The rows without the numbers that pandas writes before them, below no name."""
    if header[0] or not all(cells[0].isdigit() for _, cells in rows):
        return rows
    return [(number, ["", *cells[1:]]) for number, cells in rows]


def _other_tables(table: Path) -> str:
    """What lies in the folder in place of the table, with the mend."""
    endings = (".csv", ".tsv", ".txt", ".xls", ".xlsx", ".ods")
    try:
        there = sorted(name for name in os.listdir(table.parent) if name.lower().endswith(endings))
    except OSError:
        return f" in {table.parent}, which is no folder: mend dataset.root"
    if not there:
        return ": write one, or take tags from masks with dataset.tags: masks"
    return f"; there is {', '.join(there[:3])}: save it as tags.csv, in CSV UTF-8"


def _split(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells of the rows that hold any."""
    sign = re.match(r'\s*"?sep=(.)"?[\r\n]+', text, re.IGNORECASE)
    before = 0
    separator = _separator(text)
    if sign:
        before = len(sign[0].splitlines())
        separator = sign[1] if sign[1] in SEPARATORS else separator
        text = text[sign.end() :]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    for cells in reader:
        if any(cell.strip(f"{SEPARATORS} ") for cell in cells):
            yield before + reader.line_num, cells


def _separator(text: str) -> str:
    """What separates the columns of the first line that names them."""
    for line in re.split(r"[\r\n]+", text[:_FIRST_LINES]):
        for separator in SEPARATORS:
            names = {canonical(cell.strip(' "')).lower() for cell in line.split(separator)}
            if {"image", "tags"} <= names:
                return separator
    return SEPARATORS[0]


def _row(where: str, header: Sequence[str], found: Sequence[str]) -> Row:
    cells = [cell.strip() for cell in found]
    named = [place for place, name in enumerate(header) if name]
    further = [
        cell for place, cell in enumerate(cells) if place >= len(header) or not header[place]
    ]
    if any(further) or len(cells) <= named[-1]:
        filled = [cell for cell in cells if cell]
        raise ContaError(
            f"{where}: {len(cells)} cells, {','.join(filled)[:MAX_ID_LENGTH]!r}, but the first "
            f"line has {len(named)}; separate tags by ';', quote cells that hold what separates "
            "columns"
        )
    values = {header[place]: cells[place] for place in named}
    parts = re.split(r"[;\r\n]", values["tags"])
    return Row(
        where=where,
        image=_inside(values["image"], where),
        tags=tuple(tag for part in parts if (tag := canonical(part))),
        split=values.get("split", ""),
        mask=_inside(values["mask"], where) if values.get("mask") else "",
    )


def _inside(path: str, where: str) -> str:
    """The path, if it is relative and stays below the root."""
    parts = path.replace("\\", "/").split("/")
    strange = not path or "\\" in path or os.path.isabs(path) or ".." in parts
    control = any(unicodedata.category(character) in ("Cc", "Cs") for character in path)
    if strange or control or len(path) > MAX_PATH_LENGTH:
        raise ContaError(
            f"{where}: path {path[:MAX_ID_LENGTH]!r}; expected one relative to the folder of "
            f"tags.csv, with '/' and without '..', of at most {MAX_PATH_LENGTH} characters, none "
            "of them a control character: move the file below that folder"
        )
    longest = max(parts, key=len)
    if len(longest.encode()) > MAX_PART:
        raise ContaError(
            f"{where}: path {path[:MAX_ID_LENGTH]!r}; expected names of at most {MAX_PART} bytes: "
            "rename the file"
        )
    return path
