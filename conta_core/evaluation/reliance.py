"""How far a classifier's scores hang on context, on any data set (docs/method.md, "Reliance").

A class is asked of an image that holds it, and of the same image with the class's objects filled
in. What it is still given then comes from all else in the image: its context and companions. No
ground truth and no balanced images are needed, only the pseudo-masks of the round.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from conta_core.errors import ContaError
from conta_core.evaluation.scores.layout import RELIANCE
from conta_core.storage.json_files import read_format, write_json

FORMAT = "conta-reliance"
FORMAT_VERSION = 1


@dataclass
class ClassReliance:
    """Gathers P(class) of a list of images.

    Args:
        class_count: n.
    """

    class_count: int
    _pairs: list[list[tuple[float, float]]] = field(init=False)
    _absent: list[list[float]] = field(init=False)

    def __post_init__(self) -> None:
        self._pairs = [[] for _ in range(self.class_count)]
        self._absent = [[] for _ in range(self.class_count)]

    def add_image(self, probability: np.ndarray, tags: np.ndarray) -> None:
        """An image as it is.

        Args:
            probability: P(class), float (n,).
            tags: 1 where the image has the class, (n,).
        """
        for index in np.flatnonzero(tags == 0):
            self._absent[index].append(float(probability[index]))

    def add_pair(self, index: int, before: float, after: float) -> None:
        """P(class) of an image that has the class, with its objects and without them."""
        self._pairs[index].append((before, after))

    def result(self, classes: Sequence[str]) -> dict[str, Any]:
        """By class, and the mean over the classes with a pair; None where nothing was asked."""
        found = {name: self._of(index) for index, name in enumerate(classes)}
        asked = [one for one in found.values() if one["images"]]
        mean = {key: _mean(one[key] for one in asked) for key in ("before", "after", "absent")}
        return {
            "classes": found,
            "mean": {"images": sum(one["images"] for one in asked), **mean},
        }

    def _of(self, index: int) -> dict[str, Any]:
        pairs = self._pairs[index]
        return {
            "images": len(pairs),
            "before": _mean(before for before, _ in pairs),
            "after": _mean(after for _, after in pairs),
            "absent": _mean(self._absent[index]),
        }


def write_reliance(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write a reliance json, whole or not at all."""
    write_json(path, {"format": FORMAT, "format_version": FORMAT_VERSION, **content})


def read_reliance(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a reliance json.

    Raises:
        ContaError: missing, unreadable, or of another format or version.
    """
    return read_format(
        path,
        FORMAT,
        FORMAT_VERSION,
        RELIANCE,
        what="how far classes hang on context",
        mend="delete it and let the workflow make it again",
    )


def gather_reliance(
    paths: Sequence[str | None], run: str, start_from: str | None = None
) -> list[dict[str, Any]]:
    """One row a round, of the rounds that have one.

    Args:
        paths: by round, of its reliance json; None: not asked.
        run: name of the run.
        start_from: the run whose round 0 it goes on from; None: its own.

    Raises:
        ContaError: a file is missing, broken, or of another run or round.
    """
    rows = []
    for index, path in enumerate(paths):
        if path is None:
            continue
        content = read_reliance(path)
        expected = (run if start_from is None or index else start_from, index)
        if (content["run"], content["round"]) != expected:
            raise ContaError(
                f"{path}: of run and round {(content['run'], content['round'])}, expected "
                f"{expected}; delete it and let the workflow make it again"
            )
        keys = ("round", "list", "images", "classes", "mean")
        rows.append({key: content[key] for key in keys})
    return rows


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean of what is there; None of nothing."""
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None
