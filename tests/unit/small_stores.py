"""One small store of each kind, whose values are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from conta_core.storage.stores.writer import write_store

CLASSES = ("boat", "dog", "ring")
SIZE = (8, 12)
IDS = ("2007_000001", "2007_000032", "2008_000003")
#: class indices of the tags of each image
KEYS = {"2007_000001": (0,), "2007_000032": (0, 2), "2008_000003": ()}


def image_arrays(kind: str, image_id: str, value: float = 0.5) -> dict[str, np.ndarray]:
    """Maps of one value; masks whose right half is the first tag."""
    keys = np.array(KEYS.get(image_id, (1,)), np.int64)
    mask = np.zeros(SIZE, np.uint8)
    if len(keys):
        mask[:, 6:] = keys[0] + 1
    mask[0, 0] = 255
    logits = np.zeros((4, 2, 3), np.float32)
    logits[keys[0] + 1 if len(keys) else 0] = 10 * value
    return {
        "cams": {
            "keys": keys,
            "cam": np.full((len(keys), 2, 3), value, np.float32),
            "high_res": np.full((len(keys), *SIZE), value, np.float16),
            "probability": np.array([0.75, 0.25, 0.5], np.float32),
        },
        "labels": {"labels": mask},
        "refined": {"keys": keys, "refined": np.full((len(keys), 2, 3), value, np.float32)},
        "train_masks": {"mask": np.where(mask == 255, 0, mask).astype(np.uint8)},
        "logits": {"logits": logits},
        "context": {
            "mask": np.full((4, 4), value, np.float32),
            "alpha": np.array([value, 1 - value, 0], np.float32),
        },
        "objects": {
            "keys": keys,
            "drop": np.full((len(keys), len(keys)), value, np.float32),
            "context": np.full(5, value, np.float32),
        },
        "confounders": {},
    }[kind]


def write_small(
    path: Path,
    kind: str,
    *,
    ids: Sequence[str] = IDS,
    classes: Sequence[str] = CLASSES,
    round_index: int = 0,
    value: float = 0.5,
    changed: Mapping[str, Mapping[str, np.ndarray]] | None = None,
    size: tuple[int, int] = SIZE,
    without: Sequence[str] = (),
) -> Path:
    """A store; ``changed`` has arrays of images that are other than :func:`image_arrays`."""
    options = {"classes": classes, "run": "r", "settings": {"scales": [1.0], "deep": {"on": True}}}
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_store(path, kind, round_index=round_index, **options) as store:
        for image_id in ids if kind != "confounders" else ():
            arrays = image_arrays(kind, image_id, value) | dict((changed or {}).get(image_id, {}))
            kept = {name: array for name, array in arrays.items() if name not in without}
            store.write(image_id, kept, size)
        if kind == "confounders":
            masks = np.stack([np.full((4, 4), value * i / 2, np.float32) for i in range(3)])
            prior = np.array([0.5, 0.25, 0.25], np.float32)
            store.write_root({"masks": masks, "prior": prior, "count": np.array([2, 0, 1])})
        if kind == "context":
            mean = np.full((4, 4), value, np.float32)
            store.write_root({"mean": mean, "deviation": np.array(0.1, np.float32)})
    return path
