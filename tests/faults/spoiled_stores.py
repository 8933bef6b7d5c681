"""Stores that were cut off, and stores of which bytes changed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
from bench import ERROR, RIGHT, WRONG, Bench, Tally

from conta_core.errors import ContaError
from conta_core.storage.stores.kinds import IMAGE_ARRAYS, ROOT_ARRAYS
from conta_core.storage.stores.reader import StoreReader

#: kind -> one of its stores, under results
STORES = {
    "cams": "conta/round-1/cam/cams.h5",
    "labels": "conta/round-1/irn/labels.h5",
    "refined": "conta/round-1/irn/refined.h5",
    "train_masks": "conta/round-1/segmentation/train_masks.h5",
    "logits": "conta/round-1/segmentation/logits.h5",
    "confounders": "conta/round-0/context/confounders.h5",
    "context": "conta/round-0/context/context.h5",
    "objects": "intervention/round-0/intervention/objects.h5",
}
TRUNCATIONS, FLIPS = 20, 200


def truncated(bench: Bench, draw: random.Random) -> Tally:
    """Every kind of store, cut off at random places."""
    tally = Tally("truncated store", f"each kind of store cut off at {TRUNCATIONS} random places")
    for kind, name in STORES.items():
        path = bench.finished.directory / "results" / name
        whole = path.read_bytes()
        for _ in range(TRUNCATIONS):
            length = draw.randrange(len(whole))
            _try(tally, bench, kind, path, whole[:length], f"{kind}, {length} bytes")
    return tally


def flipped(bench: Bench, draw: random.Random) -> Tally:
    """Every kind of store, one byte changed at a time, and all of them at once."""
    tally = Tally(
        "flipped bytes", f"each kind of store with one of {FLIPS} random bytes changed, and all"
    )
    for kind, name in STORES.items():
        path = bench.finished.directory / "results" / name
        whole = path.read_bytes()
        places = [draw.randrange(len(whole)) for _ in range(FLIPS)]
        masks = [draw.randrange(1, 256) for _ in places]
        together = bytearray(whole)
        for place, mask in zip(places, masks, strict=True):
            one = bytearray(whole)
            one[place] ^= mask
            together[place] ^= mask
            _try(tally, bench, kind, path, bytes(one), f"{kind}, byte {place} by {mask}")
        _try(tally, bench, kind, path, bytes(together), f"{kind}, all bytes")
    return tally


def _try(tally: Tally, bench: Bench, kind: str, path: Path, spoiled: bytes, note: str) -> None:
    """A spoiled store is refused, or reads as it did (bytes that nothing uses)."""
    ids = image_ids(kind, path)
    expected = read_all(kind, path, ids)
    other = bench.folder / "spoiled.h5"
    other.write_bytes(spoiled)
    try:
        found = read_all(kind, other, ids)
    except ContaError:
        tally.add(ERROR)
    except Exception as error:
        tally.add(WRONG, f"{note}: {error!r}")
    else:
        tally.add(RIGHT if same(found, expected) else WRONG, f"{note}: reads otherwise")


def image_ids(kind: str, path: Path) -> list[str]:
    with StoreReader(path, kind) as store:
        return store.image_ids


def read_all(kind: str, path: Path, ids: list[str]) -> dict[str, Any]:
    """Everything that a stage could read of a store, by the reader that they use."""
    with StoreReader(path, kind, ids) as store:
        arrays = {f"{i}/{name}": store.read(i, name) for i in ids for name in IMAGE_ARRAYS[kind]}
        arrays |= {name: store.read_root(name) for name in ROOT_ARRAYS.get(kind, {})}
        sizes = [store.size(i) for i in ids] if kind not in ("context", "confounders") else []
        said = (store.classes, store.run, store.round, store.settings, store.image_ids, sizes)
        return {"arrays": arrays, "said": said}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    first, second = one["arrays"], other["arrays"]
    return one["said"] == other["said"] and all(
        first[name].dtype == second[name].dtype and np.array_equal(first[name], second[name])
        for name in second
    )
