"""A context store that holds M by class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from conta_core.storage.stores.reader import StoreReader
from conta_core.storage.stores.writer import write_store


def split_by_class(path: Path) -> None:
    """Write a context store anew with M in a summand a class, which add up to the last bit."""
    with StoreReader(path, "context") as store:
        about = {"classes": store.classes, "run": store.run, "round_index": store.round}
        shares = 0.5 ** np.arange(1, len(store.classes) + 1, dtype=np.float32)
        shares[-1] *= 2
        root = {name: store.read_root(name) for name in ("mean", "deviation")}
        images = {
            i: ({name: store.read(i, name) for name in ("mask", "alpha")}, store.size(i))
            for i in store.image_ids
        }
        settings = {**store.settings, "maps": "classes"}
    parts = shares[:, None, None]
    with write_store(path, "context", settings=settings, **about) as written:
        written.write_root({**root, "mean": parts * root["mean"]})
        for i, (arrays, size) in images.items():
            written.write(i, {**arrays, "mask": parts * arrays["mask"]}, size)
