"""Two stores of one kind, or two folders of masks, image by image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from conta_core.errors import ContaError
from conta_core.evaluation.store_kinds.images import Images, StoreImages, fitting, open_images
from conta_core.evaluation.store_kinds.kind import ImageKind, StoredImage
from conta_core.storage.stores.kinds import ROOT_ARRAYS
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.diff.comparison import (
    ClassChange,
    ImageComparison,
    ItemChange,
    Pair,
    by_loss,
    rank,
    same,
)
from conta_core.tools.diff.confounders import compare_confounders

#: shows how far a loop over so many items is
Track = Callable[[Iterable[str], int], Iterable[str]]


@contextmanager
def open_two(a: Path, b: Path) -> Iterator[tuple[Images, Images]]:
    """Two stores of one kind and for the same classes, or two folders of masks.

    Raises:
        ContaError: one of them is neither, or they are not to be compared.
    """
    with open_images(a) as one, open_images(b) as two:
        if one.kind != two.kind:
            raise ContaError(
                f"{b}: a {two.kind.name} store, expected a {one.kind.name} store as {a}; name two "
                "of one kind"
            )
        # a folder of masks may not know its classes
        if one.classes != two.classes and one.classes and two.classes:
            raise ContaError(
                f"{b}: made for the classes {list(two.classes)}, expected {list(one.classes)} as "
                f"{a}; name two for the same classes"
            )
        yield one, two


def compare_images(a: Path, b: Path, track: Track = lambda ids, _: ids) -> ImageComparison:
    """Compare two stores of one kind, or two folders of masks; one image of each is in memory.

    Args:
        a: path of the first.
        b: path of the second.
        track: shows how far it is.

    Raises:
        ContaError: as :func:`open_two`, or one of them is damaged.
    """
    with open_two(a, b) as (one, two):
        kind = one.kind
        stores = [side.store for side in (one, two) if isinstance(side, StoreImages)]
        what = f"stores: {kind.title}" if stores else "folders of masks"
        about = _about(*stores) if stores else []
        if not isinstance(kind, ImageKind):
            return compare_confounders(stores, what, about)
        other = [
            name
            for name in ROOT_ARRAYS.get(kind.name, {})
            if not same(*(store.read_root(name) for store in stores))
        ]
        return _compare(one, two, kind, what, about, other, track)


def _about(a: StoreReader, b: StoreReader) -> list[Pair]:
    """What two stores say of themselves differently."""
    pairs = [
        Pair("run", a.run, b.run),
        Pair("round", a.round, b.round),
        Pair("settings", a.settings, b.settings),
    ]
    return [pair for pair in pairs if pair.a != pair.b]


def _compare(
    one: Images,
    two: Images,
    kind: ImageKind,
    what: str,
    about: Sequence[Pair],
    other_arrays: Sequence[str],
    track: Track,
) -> ImageComparison:
    in_a, in_b = list(one.ids()), list(two.ids())
    here, there = set(in_a), set(in_b)
    both = [image_id for image_id in in_a if image_id in there]
    classes = one.classes or two.classes
    names = ["background", *classes, "ignored"] if kind.of_labels else list(classes)
    totals = np.zeros((2, 2, len(names)))
    changes = []
    for image_id in track(both, len(both)):
        pair = one.image(image_id), two.image(image_id)
        for index, (side, image) in enumerate(zip((one, two), pair, strict=True)):
            with fitting(side.where, image):
                totals[index] += kind.totals(image, len(classes))
        change = _change(*pair, kind)
        if change is not None:
            changes.append(change)
    changes.sort(key=lambda change: rank(change.values))
    return ImageComparison(
        what=what,
        about=about,
        unit="images",
        measures=kind.measures,
        compared=len(both),
        only_a=[i for i in in_a if i not in there],
        only_b=[i for i in in_b if i not in here],
        changes=changes,
        class_measure=kind.class_measure,
        classes=by_loss(_classes(names, totals)) if classes else (),
        other_arrays=other_arrays,
    )


def _change(a: StoredImage, b: StoredImage, kind: ImageKind) -> ItemChange | None:
    """What differs in an image; None where nothing does."""
    names = [name for name in kind.arrays if not _equal(a.find(name), b.find(name))]
    if a.size == b.size and not names:
        return None
    unknown = (math.nan,) * len(kind.measures)
    if a.size != b.size:
        sizes = " and ".join(f"{height} x {width}" for height, width in (a.size, b.size))
        return ItemChange(a.id, unknown, f"other sizes: {sizes}")
    note = "other tags" if "keys" in names else ""
    try:
        return ItemChange(a.id, kind.difference(a, b), note)
    except (ValueError, IndexError, TypeError) as error:
        return ItemChange(a.id, unknown, f"other shapes: {error}")


def _equal(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    """Whether two arrays are equal, or neither is there."""
    return a is b if a is None or b is None else same(a, b)


def _classes(names: Sequence[str], totals: np.ndarray) -> list[ClassChange]:
    numbers = [
        [float(s) / float(w) if w else None for s, w in zip(*side, strict=True)] for side in totals
    ]
    return [ClassChange(name, a, b) for name, a, b in zip(names, *numbers, strict=True)]
