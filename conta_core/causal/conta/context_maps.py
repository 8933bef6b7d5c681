"""M as the classifier reads it: the context store of the round before, scaled."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from conta_core.causal.methods.base import ContextReader
from conta_core.storage.stores.reader import StoreReader


class ContextMaps(ContextReader):
    """The context M of every image, as float32 (channels, h, w).

    There is one channel, M, or one a class, its summand (``context.maps``).

    The equation gives M values near 0.01 with hardly any difference between images,
    beside features of order 1: read so, it is ignored. ``standardise`` takes away the
    training list's mean map (a mere location prior) and divides by the deviation that
    is left, so that what differs between images has unit size.

    Args:
        path: of the context store.
        scaling: ``standardise`` or ``none``.
        image_ids: images that must be there.
        classes: that the store must have been made for.

    Attributes:
        channels: of each M.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        scaling: str,
        image_ids: Sequence[str],
        classes: Sequence[str],
    ) -> None:
        self.scaling = scaling
        with StoreReader(path, "context", image_ids, classes) as store:
            mean, deviation = store.read_root("mean"), float(store.read_root("deviation"))
            if scaling == "none":
                mean, deviation = np.zeros_like(mean), 1.0
            self.channels = 1 if mean.ndim == 2 else len(mean)
            self._maps = {
                i: ((store.read(i, "mask") - mean) / max(deviation, 1e-12))
                .astype(np.float32)
                .reshape(self.channels, *mean.shape[-2:])
                for i in image_ids
            }

    def __getitem__(self, image_id: str) -> np.ndarray:
        return self._maps[image_id]

    def read(self, image_id: str) -> tuple[np.ndarray, None]:
        """M; X_m is not needed any more."""
        return self[image_id], None


def sum_classes(context: np.ndarray) -> np.ndarray:
    """M (h, w) of what a store holds: M itself, or its summands (n, h, w)."""
    return context if context.ndim == 2 else context.sum(axis=0)
