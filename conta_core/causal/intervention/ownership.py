"""Which objects are another tag's, by what their removal costs the scores (:mod:`.occlusion`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conta_core.storage.stores.reader import StoreReader


def taken_by_companions(drops: np.ndarray) -> np.ndarray:
    """Whether filling an object in costs another tag more than its own.

    Args:
        drops: (k, k), of :func:`.occlusion.score_drops`.

    Returns:
        bool (k,).
    """
    others = np.where(np.eye(len(drops), dtype=bool), -np.inf, drops)
    taken: np.ndarray = others.max(axis=1, initial=-np.inf) > np.diagonal(drops)
    return taken


def read_taken(path: str, ids: Sequence[str], classes: Sequence[str]) -> dict[str, list[int]]:
    """The objects that are another tag's: image id -> class indices.

    Args:
        path: of objects.h5.
        ids: images that it must hold.
        classes: foreground class names.

    Raises:
        ContaError: missing, broken, or of other images or classes.
    """
    with StoreReader(path, "objects", ids, classes) as store:
        found = {
            i: store.read(i, "keys")[taken_by_companions(store.read(i, "drop"))].tolist()
            for i in ids
        }
    return {image_id: indices for image_id, indices in found.items() if indices}
