"""Two confounder sets, class by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conta_core.errors import ContaError
from conta_core.evaluation.store_kinds.confounders import read_confounder_set
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


def compare_confounders(
    stores: Sequence[StoreReader], what: str, about: Sequence[Pair]
) -> ImageComparison:
    """Compare the confounder sets of two stores, class by class.

    Raises:
        ContaError: one of them is broken, or they are of other sizes or entries.
    """
    a, b = sets = [read_confounder_set(store) for store in stores]
    if a.masks.shape != b.masks.shape:
        raise ContaError(
            f"{stores[1].path}: its masks are of {b.masks.shape}, those of {stores[0].path} of "
            f"{a.masks.shape}, expected the same; name two confounder sets of one context.size and "
            "context.background"
        )
    changes = [
        ItemChange(
            name,
            (
                float(np.abs(a.masks[i] - b.masks[i]).mean()),
                abs(float(a.prior[i] - b.prior[i])),
                float(abs(int(a.counts[i]) - int(b.counts[i]))),
            ),
            "",
        )
        for i, name in enumerate(a.names)
        if any(not same(x[i], y[i]) for x, y in zip(a[1:], b[1:], strict=True))
    ]
    changes.sort(key=lambda change: rank(change.values))
    means = [one.masks.mean(axis=(1, 2), dtype=np.float64).tolist() for one in sets]
    return ImageComparison(
        what=what,
        about=about,
        unit="classes",
        measures=("average mask difference", "P(c) difference", "images difference"),
        compared=len(a.names),
        only_a=(),
        only_b=(),
        changes=changes,
        class_measure="mean of the average mask",
        classes=by_loss([ClassChange(*row) for row in zip(a.names, *means, strict=True)]),
    )
