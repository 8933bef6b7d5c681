"""What a segmentation model could have predicted of a data set, without training one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.settings import ContextSettings
from conta_core.stages.build_confounders import build_confounders
from conta_core.stages.deconfound import deconfound
from conta_core.storage.stores.writer import write_store


def write_predictions(folder: Path, data: Manifest) -> None:
    """The ground truth, moved by 8 pixels, as train_masks.h5 and logits.h5."""
    about: dict[str, Any] = {"classes": data.classes, "run": "conta", "round_index": 0}
    with write_store(folder / "train_masks.h5", "train_masks", settings={}, **about) as store:
        for i in data.ids("train"):
            store.write(i, {"mask": _moved(data, i)}, data.images[i].size)
    with write_store(folder / "logits.h5", "logits", settings={}, **about) as store:
        for i in data.ids("val"):
            coarse = _moved(data, i)[::8, ::8]
            labels = np.arange(len(data.classes) + 1)[:, None, None]
            logits = np.where(coarse == labels, np.float32(5), np.float32(0))
            store.write(i, {"logits": logits}, data.images[i].size)


def _moved(data: Manifest, image_id: str) -> np.ndarray:
    return np.roll(data.read_mask(image_id), 8, axis=1)


def causal_step(predictions: Path, manifest: str, output: Path, **change: Any) -> Path:
    """The confounder set and M of the predictions: the folder of both stores.

    Args:
        predictions: folder of the stores.
        manifest: path of dataset.json.
        output: a folder that is to be made.
        change: of the settings.
    """
    output.mkdir()
    about: dict[str, Any] = {
        "manifest": manifest,
        "settings": ContextSettings(**{"size": (6, 5), "steps": 20, **change}),
        "run": "conta",
        "round_index": 0,
    }
    confounders, train_masks = str(output / "confounders.h5"), str(predictions / "train_masks.h5")
    build_confounders(masks=train_masks, output=confounders, **about)
    deconfound(
        confounders=confounders,
        train_masks=train_masks,
        logits=str(predictions / "logits.h5"),
        output=str(output / "context.h5"),
        seed=0,
        threads=1,
        **about,
    )
    return output
