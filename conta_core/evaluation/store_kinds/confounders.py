"""The confounder set: the average mask, the prior and the number of images of each class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from conta_core.causal.conta.confounder_names import are_entries, confounder_names
from conta_core.errors import ContaError
from conta_core.evaluation.store_kinds.kind import Rows, StoreKind, rounded
from conta_core.storage.stores.header import MEND
from conta_core.storage.stores.reader import StoreReader


class ConfounderSet(NamedTuple):
    """The arrays of a confounder set.

    Attributes:
        names: of its entries: the classes, after the background where the set has it.
        masks: average masks, float32 (n, h, w).
        prior: P(c), float32 (n,).
        counts: images of each class, int64 (n,).
    """

    names: tuple[str, ...]
    masks: np.ndarray
    prior: np.ndarray
    counts: np.ndarray


class Confounders(StoreKind):
    """One set for all images."""

    name = "confounders"
    title = caption = "the confounder set"

    def store_rows(self, store: StoreReader) -> Rows:
        """Images, prior and mask of each entry."""
        return [
            {
                "class": name,
                "images": int(count),
                "P(c)": rounded(prior),
                "mean of its mask": rounded(mask.mean()),
                "max": rounded(mask.max()),
            }
            for name, mask, prior, count in zip(*read_confounder_set(store), strict=True)
        ]


def read_confounder_set(store: StoreReader) -> ConfounderSet:
    """The confounder set of a store.

    Raises:
        ContaError: an array cannot be read, or does not fit the others or the classes.
    """
    masks, prior, count = (store.read_root(name) for name in ("masks", "prior", "count"))
    sizes = {array.shape[:1] for array in (masks, prior, count)}
    if masks.ndim != 3 or len(sizes) > 1 or not are_entries(store.classes, len(masks)):
        raise ContaError(
            f"{store.path}: masks of {masks.shape}, {prior.size} priors and {count.size} counts "
            f"for {len(store.classes)} classes, expected one of each for every class; {MEND}"
        )
    return ConfounderSet(confounder_names(store.classes, len(masks)), masks, prior, count)
