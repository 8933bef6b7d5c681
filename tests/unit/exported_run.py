"""The files of a run of which rounds are exported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from models import CLASSES, write_deeplab

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.images.masks import write_label_png

#: height and width by training image
SIZES = {"0001": (30, 40), "0002": (25, 31), "b_3": (30, 40)}


def write_exported_run(folder: Path, rounds: int = 2) -> Path:
    """A run whose rounds have pseudo-masks and a model; the last is not finished."""
    records = {
        i: ImageRecord(i, f"data/{i}.jpg", *size, tags=("cat",)) for i, size in SIZES.items()
    }
    records["v"] = ImageRecord("v", "data/v.jpg", 9, 9, tags=())
    lists = {"train": tuple(SIZES), "val": ("v",)}
    folder.mkdir(parents=True)
    Manifest("set", CLASSES, lists, {"train": "train", "val": "val"}, records).save(
        folder / "dataset.json"
    )
    for index in range(rounds):
        masks = folder / f"round-{index}" / "pseudo_masks"
        masks.mkdir(parents=True)
        (masks / ".snakemake_timestamp").write_text("")
        for number, (image_id, size) in enumerate(SIZES.items()):
            write_label_png(masks / f"{image_id}.png", labels_of(size, index + number))
        write_deeplab(folder / f"round-{index}" / "segmentation" / "model.safetensors")
    (folder / f"round-{rounds}" / "pseudo_masks").mkdir(parents=True)
    return folder


def labels_of(size: tuple[int, int], seed: int) -> np.ndarray:
    """Blocks of background, the classes 1 and 3 and ignored pixels."""
    blocks = np.random.default_rng(seed).choice(
        [0, 1, 3, 255], (-(-size[0] // 5), -(-size[1] // 5))
    )
    return np.kron(blocks, np.ones((5, 5), np.uint8))[: size[0], : size[1]].astype(np.uint8)
