"""Label maps: the files by which labelling tools say what numbers and colours of masks mean."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conta_core.data.problems import refuse
from conta_core.data.readers.tag_names import canonical, is_background, is_reserved
from conta_core.errors import ContaError
from conta_core.images.masks import IGNORE
from conta_core.images.palettes import colour_code, voc_colours, voc_palette

#: of a file; 254 classes take some kilobytes
_MAX_BYTES = 2**20
_CREAM = colour_code(*voc_palette()[IGNORE].tolist())


@dataclass(frozen=True)
class Label:
    """A line of a label map.

    Attributes:
        name: of a class, of the background, or of what is ignored.
        value: of its pixels in masks of numbers.
        colour: 0xRRGGBB of its pixels in masks of colours; None: the file does not say.
    """

    name: str
    value: int
    colour: int | None = None


@dataclass(frozen=True)
class LabelMap:
    """What the numbers and colours of masks mean.

    Attributes:
        path: of the file.
        labels: in the file's order, with those of background and of what is ignored.
    """

    path: Path
    labels: tuple[Label, ...]

    @property
    def names_by_value(self) -> dict[int, str]:
        """Pixel value -> class, in the file's order, without background and what is ignored."""
        return {one.value: one.name for one in self.labels if not is_reserved(one.name)}

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in the file's order."""
        return tuple(self.names_by_value.values())

    def mask_values(self, classes: tuple[str, ...]) -> dict[int, int]:
        """``Manifest.mask_values`` for these classes; every other class is 255."""
        values = {0: 0}
        for one in self.labels:
            other = 0 if is_background(one.name) else IGNORE
            values[one.value] = classes.index(one.name) + 1 if one.name in classes else other
        return dict(sorted(values.items()))

    def mask_colours(self) -> dict[str, int]:
        """``Manifest.mask_colours``: the file's colours, or VOC's where it names none."""
        colours = {one.colour: one.value for one in self.labels if one.colour is not None}
        if not colours:
            colours = dict(voc_colours(max(one.value for one in self.labels)))
        background = (one.value for one in self.labels if is_background(one.name))
        colours.setdefault(0, next(background, 0))
        colours.setdefault(_CREAM, IGNORE)
        return {f"{code:06x}": value for code, value in colours.items()}


def find_label_map(*folders: Path, zero_named: bool = True) -> LabelMap | None:
    """The label map that lies in the first of the folders that has one; None: there is none.

    Args:
        folders: where to look.
        zero_named: a list of names must begin with the background's; else its first may be 1.

    Read are ``labelmap.txt`` (CVAT, Datumaro), ``class_names.txt`` (labelme2voc), ``colors.txt``
    (Supervisely), ``obj_class_to_machine_color.json`` (Supervisely) and ``_classes.csv``
    (Roboflow).

    Raises:
        ContaError: a file cannot be understood, or two say different things.
    """
    for folder in folders:
        found = [read_label_map(path, zero_named=zero_named) for path in label_map_paths(folder)]
        others = [one for one in found[1:] if one.names_by_value != found[0].names_by_value]
        if others:
            raise ContaError(
                f"{others[0].path}: names the classes {', '.join(others[0].classes)}, but "
                f"{found[0].path} {', '.join(found[0].classes)}; expected one label map: delete "
                "the one that is not meant"
            )
        if found:
            return found[0]
    return None


def label_map_paths(folder: Path) -> list[Path]:
    """The label maps of a folder."""
    return [folder / name for name in _READERS if (folder / name).is_file()]


def read_label_map(path: Path, *, zero_named: bool = True) -> LabelMap:
    """Read a label map; its name says of which kind it is. ``zero_named``: as above.

    Raises:
        ContaError: one for all that is wrong with it.
    """
    try:
        with open(path, encoding="utf-8-sig") as stream:
            text = stream.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES} characters")
        labels = _READERS[path.name](text)
        if path.name == "class_names.txt" and zero_named and all(one.value for one in labels):
            raise ValueError(f"its first line is {labels[0].name if labels else ''!r}")
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        raise ContaError(
            f"{path}: unreadable label map ({error}); expected {_EXPECTED[path.name]}: mend or "
            "delete it"
        ) from None
    labels = [replace(one, name=canonical(one.name)) for one in labels]
    refuse(_problems(path, labels), str(path))
    return LabelMap(path, tuple(labels))


def _problems(path: Path, labels: list[Label]) -> list[str]:
    problems = []
    for what, values in (
        ("name", [one.name for one in labels]),
        ("number", [one.value for one in labels
                    if one.value != IGNORE or not is_reserved(one.name)]),
        ("colour", [f"{c >> 16},{c >> 8 & 255},{c & 255}" for one in labels
                    if (c := one.colour) is not None]),
    ):  # fmt: skip
        twice = [str(value) for value, count in Counter(values).items() if count > 1]
        if twice:
            problems.append(f"{path}: the {what} {twice[0]!r} stands twice; expected each once")
    if any(not one.name or not one.name.isprintable() for one in labels):
        problems.append(
            f"{path}: a class without a printable name; expected {_EXPECTED[path.name]}"
        )
    if all(is_reserved(one.name) for one in labels):
        problems.append(f"{path}: names no class; expected {_EXPECTED[path.name]}")
    if any(not 0 <= one.value <= IGNORE for one in labels) or len(labels) > IGNORE:
        problems.append(f"{path}: {len(labels)} labels; expected numbers from 0 to 254")
    return problems


def _numbered(names: Sequence[tuple[str, int | None]]) -> list[Label]:
    """Labels numbered by their order: from 0 with the background among them, else from 1."""
    start = 0 if any(is_background(name) for name, _ in names) else 1
    return [Label(name, start + place, colour) for place, (name, colour) in enumerate(names)]


def _parse_labelmap(text: str) -> list[Label]:
    names = []
    for line in _lines(text):
        if line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        numbers = rest.partition(":")[0]
        names.append((name, _colour(numbers.split(",")) if numbers.strip() else None))
    return _numbered(names)


def _parse_class_names(text: str) -> list[Label]:
    names = _lines(text)
    ignored = names[:1] if names and names[0] == "__ignore__" else []
    names = names[len(ignored) :]
    labels = _numbered([(name, None) for name in names])
    return labels + [Label(name, IGNORE) for name in ignored]


def _parse_colours(text: str) -> list[Label]:
    names = []
    for line in _lines(text):
        name, *numbers = line.rsplit(None, 3)
        # what Supervisely calls neutral is the border that VOC's masks ignore
        names.append(("__ignore__" if name == "neutral" else name, _colour(numbers)))
    return _numbered(names)


def _parse_machine_colours(text: str) -> list[Label]:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("no object")
    labels = []
    for name, numbers in content.items():
        if not isinstance(numbers, list):
            raise ValueError(f"{numbers!r} is no colour")
        colour = _colour([str(number) for number in numbers])
        if colour % 0x010101:
            raise ValueError(f"the colour {numbers} is not grey")
        labels.append(Label(name, colour // 0x010101, colour))
    return labels


def _parse_csv(text: str) -> list[Label]:
    rows = [[cell.strip() for cell in row] for row in csv.reader(_lines(text), strict=True)]
    if not rows or [cell.casefold() for cell in rows[0]] != ["pixel value", "class"]:
        raise ValueError("another first line")
    if any(len(row) != 2 for row in rows):
        raise ValueError("a line without two cells")
    return [Label(name, int(value)) for value, name in rows[1:]]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _colour(numbers: list[str]) -> int:
    values = [int(number) for number in numbers]
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        raise ValueError(f"{','.join(numbers)[:40]!r} is no colour")
    return colour_code(*values)


_READERS: dict[str, Callable[[str], list[Label]]] = {
    "labelmap.txt": _parse_labelmap,
    "class_names.txt": _parse_class_names,
    "colors.txt": _parse_colours,
    "obj_class_to_machine_color.json": _parse_machine_colours,
    "_classes.csv": _parse_csv,
}
_EXPECTED = {
    "labelmap.txt": "name:red,green,blue:: a line (CVAT)",
    "class_names.txt": "the name of class i in line i, from _background_, which is 0 (labelme2voc)",
    "colors.txt": "name red green blue a line (Supervisely)",
    "obj_class_to_machine_color.json": '{"name": [1, 1, 1], ...} (Supervisely)',
    "_classes.csv": "the first line Pixel Value, Class and a line for each class (Roboflow)",
}
