"""What a comparison finds, as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


class Pair(NamedTuple):
    """One thing that both sides say, each in its way."""

    name: str
    a: Any
    b: Any


class ClassChange(NamedTuple):
    """A number of a class on both sides; None where a side has none."""

    name: str
    a: float | None
    b: float | None

    @property
    def change(self) -> float | None:
        """B less A; None where one of them is missing."""
        return None if self.a is None or self.b is None else self.b - self.a


class ItemChange(NamedTuple):
    """An image (of a confounder set: a class) that differs.

    Attributes:
        id: image id or class name.
        values: by measure; NaN where the two cannot be compared.
        note: why they cannot, or what else differs.
    """

    id: str
    values: tuple[float, ...]
    note: str


@dataclass(frozen=True)
class ImageComparison:
    """Two stores or folders of masks, image by image.

    Attributes:
        what: of what kind both are.
        about: what they say of themselves differently; no difference by itself.
        unit: what an item is, ``images`` or ``classes``.
        measures: what the values of an item are, in words; by the first they are ordered.
        compared: how many items both have.
        only_a: items that only the first has.
        only_b: items that only the second has.
        changes: items that differ, those that cannot be compared and the most changed first.
        class_measure: what the numbers of the classes are, in words.
        classes: each class, those that lost most first.
        other_arrays: arrays of the whole store that differ.
    """

    what: str
    about: Sequence[Pair]
    unit: str
    measures: Sequence[str]
    compared: int
    only_a: Sequence[str]
    only_b: Sequence[str]
    changes: Sequence[ItemChange]
    class_measure: str = ""
    classes: Sequence[ClassChange] = ()
    other_arrays: Sequence[str] = ()

    @property
    def equal(self) -> bool:
        """Whether both hold the same items with the same values."""
        return not (self.only_a or self.only_b or self.changes or self.other_arrays)

    @property
    def mean(self) -> float | None:
        """Mean of the first measure over the items that can be compared."""
        values = [c.values[0] for c in self.changes if not math.isnan(c.values[0])]
        count = self.compared - (len(self.changes) - len(values))
        return sum(values) / count if count else None

    def as_json(self, top: int) -> dict[str, Any]:
        """Plain values, with the ``top`` items that changed most."""
        return {
            "what": self.what,
            "equal": self.equal,
            "about": [pair._asdict() for pair in self.about],
            "unit": self.unit,
            "compared": self.compared,
            "differ": len(self.changes),
            "only_a": list(self.only_a),
            "only_b": list(self.only_b),
            "other_arrays": list(self.other_arrays),
            "mean": {"measure": self.measures[0], "value": self.mean},
            "most_changed": [
                {
                    "id": change.id,
                    "note": change.note,
                    **{
                        name: None if math.isnan(value) else value
                        for name, value in zip(self.measures, change.values, strict=True)
                    },
                }
                for change in self.changes[:top]
            ],
            "class_measure": self.class_measure,
            "classes": _classes_json(self.classes),
        }


class ScoreChange(NamedTuple):
    """The scores of one stage of one round on one list.

    Attributes:
        round: of both, or as ``0 and 1``.
        stage: likewise.
        split: ``train`` or ``val``.
        miou: percent.
        classes: IoU of each class in percent, those that lost most first.
    """

    round: str
    stage: str
    split: str
    miou: ClassChange
    classes: Sequence[ClassChange]


@dataclass(frozen=True)
class ScoreComparison:
    """Two score files, or two summaries.

    Attributes:
        what: of what kind both are.
        about: what they say of themselves differently; no difference by itself.
        equal: whether all numbers are the same.
        rows: what both have scores of.
        only_a: what only the first has scores of.
        only_b: what only the second has scores of.
    """

    what: str
    about: Sequence[Pair]
    equal: bool
    rows: Sequence[ScoreChange]
    only_a: Sequence[str] = ()
    only_b: Sequence[str] = ()

    def as_json(self, _: int) -> dict[str, Any]:
        """Plain values."""
        return {
            "what": self.what,
            "equal": self.equal,
            "about": [pair._asdict() for pair in self.about],
            "only_a": list(self.only_a),
            "only_b": list(self.only_b),
            "scores": [
                {
                    "round": row.round,
                    "stage": row.stage,
                    "split": row.split,
                    **{
                        f"miou_{side}": value
                        for side, value in zip("ab", row.miou[1:], strict=True)
                    },
                    "classes": _classes_json(row.classes),
                }
                for row in self.rows
            ],
        }


@dataclass(frozen=True)
class FolderComparison:
    """Two rounds or runs, file by file.

    Attributes:
        what: of what kind both are.
        about: always empty; the files say it.
        files: path below the folders -> what was found; of a model whether the bytes are equal.
        only_a: files that only the first has.
        only_b: files that only the second has.
    """

    what: str
    files: Mapping[str, ImageComparison | ScoreComparison | bool]
    only_a: Sequence[str] = ()
    only_b: Sequence[str] = ()
    about: Sequence[Pair] = field(default=())

    @property
    def equal(self) -> bool:
        """Whether both have the same files with the same values."""
        return not (self.only_a or self.only_b) and all(
            found if isinstance(found, bool) else found.equal for found in self.files.values()
        )

    def as_json(self, top: int) -> dict[str, Any]:
        """Plain values, with the ``top`` images of each file that changed most."""
        return {
            "what": self.what,
            "equal": self.equal,
            "only_a": list(self.only_a),
            "only_b": list(self.only_b),
            "files": {
                name: {"equal": found} if isinstance(found, bool) else found.as_json(top)
                for name, found in self.files.items()
            },
        }


Comparison = ImageComparison | ScoreComparison | FolderComparison


def by_loss(classes: Sequence[ClassChange]) -> list[ClassChange]:
    """Those that lost most first, those of one side last."""
    return sorted(classes, key=lambda c: math.inf if c.change is None else c.change)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays have the same type, shape and values."""
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def rank(values: Sequence[float]) -> tuple[float, ...]:
    """To sort by: what cannot be compared first, then the largest values."""
    return tuple(-math.inf if math.isnan(value) else -value for value in values)


def _classes_json(classes: Sequence[ClassChange]) -> list[dict[str, Any]]:
    return [{"class": c.name, "a": c.a, "b": c.b, "change": c.change} for c in classes]
