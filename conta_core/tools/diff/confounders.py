"""Two confounder sets, class by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conta_core.causal.conta.confounder_names import are_entries, confounder_names
from conta_core.errors import ContaError
from conta_core.storage.stores.kinds import ROOT_ARRAYS
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.diff.comparison import (
    ClassChange,
    ImageComparison,
    ItemChange,
    Pair,
    by_loss,
)
from conta_core.tools.diff.measures import rank, same


def compare_confounders(
    one: StoreReader, two: StoreReader, what: str, about: Sequence[Pair]
) -> ImageComparison:
    """The confounder sets class by class."""
    sides = [{name: s.read_root(name) for name in ROOT_ARRAYS[s.kind]} for s in (one, two)]
    a, b = sides
    shapes = [{name: array.shape for name, array in side.items()} for side in sides]
    entries = len(a["masks"])
    known = are_entries(one.classes, entries)
    if shapes[0] != shapes[1] or not known or any(len(array) != entries for array in a.values()):
        raise ContaError(
            f"{two.path}: its arrays have the shapes {shapes[1]}, those of {one.path} {shapes[0]}, "
            f"expected the same of {len(one.classes)} classes; name two confounder sets of one "
            "context.size and context.background"
        )
    names = confounder_names(one.classes, entries)
    changes = [
        ItemChange(
            name,
            (
                float(np.abs(a["masks"][i] - b["masks"][i]).mean()),
                abs(float(a["prior"][i] - b["prior"][i])),
                float(abs(int(a["count"][i]) - int(b["count"][i]))),
            ),
            "",
        )
        for i, name in enumerate(names)
        if any(not same(a[array][i], b[array][i]) for array in a)
    ]
    changes.sort(key=lambda change: rank(change.values))
    means = [side["masks"].mean(axis=(1, 2), dtype=np.float64).tolist() for side in sides]
    return ImageComparison(
        what=what,
        about=about,
        unit="classes",
        measures=(
            "average mask difference",
            "P(c) difference",
            "images difference",
        ),
        compared=len(names),
        only_a=(),
        only_b=(),
        changes=changes,
        class_measure="mean of the average mask",
        classes=by_loss([ClassChange(*row) for row in zip(names, *means, strict=True)]),
    )
