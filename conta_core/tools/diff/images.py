"""Two stores of one kind, or two folders of masks, image by image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from conta_core.data.masks import read_label_png
from conta_core.errors import ContaError
from conta_core.storage.stores.kinds import IMAGE_ARRAYS, ROOT_ARRAYS
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.diff.comparison import (
    ClassChange,
    ImageComparison,
    ItemChange,
    Pair,
    by_loss,
)
from conta_core.tools.diff.confounders import compare_confounders
from conta_core.tools.diff.measures import (
    MEASURES,
    Arrays,
    Measure,
    Size,
    mask_measure,
    rank,
    same,
)
from conta_core.tools.inspect.arrays import fitting
from conta_core.tools.inspect.images import MaskImages
from conta_core.tools.inspect.other_files import mask_class_names
from conta_core.tools.inspect.stores import HOLDS, open_store

#: shows how far a loop over so many items is
Track = Callable[[Iterable[str], int], Iterable[str]]


class _Image(NamedTuple):
    size: Size
    arrays: Arrays


class _Side(Protocol):
    """One side of a comparison."""

    where: Path
    ids: list[str]

    def image(self, image_id: str) -> _Image:
        """Size and arrays of an image."""


class _StoreSide:
    def __init__(self, store: StoreReader) -> None:
        self.where, self.ids = store.path, store.image_ids
        self._store = store

    def image(self, image_id: str) -> _Image:
        names = IMAGE_ARRAYS[self._store.kind]
        return _Image(
            self._store.size(image_id),
            {name: self._store.read(image_id, name) for name in names},
        )


class _MaskSide:
    def __init__(self, folder: Path) -> None:
        self.where, self.ids = folder, list(MaskImages(folder, ()).ids())

    def image(self, image_id: str) -> _Image:
        mask = read_label_png(self.where / f"{image_id}.png")
        return _Image((mask.shape[0], mask.shape[1]), {"mask": mask})


@contextmanager
def open_two(a: Path, b: Path) -> Iterator[tuple[StoreReader, StoreReader]]:
    """Two stores of one kind and for the same classes.

    Raises:
        ContaError: one of them is no store, or they are not to be compared.
    """
    with open_store(a) as one, open_store(b) as two:
        if one.kind != two.kind:
            raise ContaError(
                f"{b}: a {two.kind} store, expected a {one.kind} store as {a}; name two of one kind"
            )
        if one.classes != two.classes:
            raise ContaError(
                f"{b}: made for the classes {list(two.classes)}, expected {list(one.classes)} as "
                f"{a}; name two stores for the same classes"
            )
        yield one, two


def compare_stores(a: Path, b: Path, track: Track = lambda ids, _: ids) -> ImageComparison:
    """Compare two stores of one kind; one image of each is in memory.

    Args:
        a: path of the first.
        b: path of the second.
        track: shows how far it is.

    Raises:
        ContaError: as :func:`open_two`, or one of them is damaged.
    """
    with open_two(a, b) as (one, two):
        what = f"stores: {HOLDS[one.kind]}"
        about = [
            Pair(name, *values)
            for name, values in (
                ("run", (one.run, two.run)),
                ("round", (one.round, two.round)),
                ("settings", (one.settings, two.settings)),
            )
            if values[0] != values[1]
        ]
        if one.kind == "confounders":
            return compare_confounders(one, two, what, about)
        other = [
            name
            for name in ROOT_ARRAYS.get(one.kind, {})
            if not np.array_equal(one.read_root(name), two.read_root(name), equal_nan=True)
        ]
        sides = (_StoreSide(one), _StoreSide(two))
        return _compare(sides, MEASURES[one.kind], what, about, one.classes, other, track)


def compare_masks(a: Path, b: Path, track: Track = lambda ids, _: ids) -> ImageComparison:
    """Compare two folders of masks; classes by the dataset.json of their runs.

    Raises:
        ContaError: a mask cannot be read, or the runs are of other classes.
    """
    classes, others = mask_class_names(a), mask_class_names(b)
    if classes and others and classes != others:
        raise ContaError(
            f"{b}: of a run with the classes {list(others)}, expected {list(classes)} as {a}; name "
            "two folders for the same classes"
        )
    sides = (_MaskSide(a), _MaskSide(b))
    return _compare(
        sides, mask_measure("mask"), "folders of masks", [], classes or others, [], track
    )


def _compare(
    sides: tuple[_Side, _Side],
    measure: Measure,
    what: str,
    about: Sequence[Pair],
    classes: Sequence[str],
    other_arrays: Sequence[str],
    track: Track,
) -> ImageComparison:
    one, two = sides
    there = set(two.ids)
    both = [image_id for image_id in one.ids if image_id in there]
    names = ["background", *classes, "ignored"] if measure.of_labels else list(classes)
    totals = np.zeros((2, 2, len(names)))
    changes = []
    for image_id in track(both, len(both)):
        images = [side.image(image_id) for side in sides]
        for index, (side, image) in enumerate(zip(sides, images, strict=True)):
            with fitting(side.where, image_id):
                totals[index] += measure.totals(image.arrays, image.size, len(classes))
        change = _change(image_id, images[0], images[1], measure)
        if change is not None:
            changes.append(change)
    changes.sort(key=lambda change: rank(change.values))
    here = set(one.ids)
    return ImageComparison(
        what=what,
        about=about,
        unit="images",
        measures=measure.columns,
        compared=len(both),
        only_a=[i for i in one.ids if i not in there],
        only_b=[i for i in two.ids if i not in here],
        changes=changes,
        class_measure=measure.class_measure,
        classes=by_loss(_classes(names, totals)) if classes else (),
        other_arrays=other_arrays,
    )


def _change(image_id: str, a: _Image, b: _Image, measure: Measure) -> ItemChange | None:
    """What differs in an image; None where nothing does."""
    names = [name for name in a.arrays if not same(a.arrays[name], b.arrays[name])]
    if a.size == b.size and not names:
        return None
    unknown = (math.nan,) * len(measure.columns)
    if a.size != b.size:
        sizes = " and ".join(f"{height} x {width}" for height, width in (a.size, b.size))
        return ItemChange(image_id, unknown, f"other sizes: {sizes}")
    note = "other tags" if "keys" in names else ""
    try:
        return ItemChange(image_id, measure.values(a.arrays, b.arrays, a.size), note)
    except (ValueError, IndexError, TypeError) as error:
        return ItemChange(image_id, unknown, f"other shapes: {error}")


def _classes(names: Sequence[str], totals: np.ndarray) -> list[ClassChange]:
    numbers = [
        [float(s) / float(w) if w else None for s, w in zip(*side, strict=True)] for side in totals
    ]
    return [ClassChange(name, a, b) for name, a, b in zip(names, *numbers, strict=True)]
