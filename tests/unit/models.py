"""Small model files with random weights, and pixels for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from conta_core.networks.segmenters.deeplab_v2 import DeepLab
from conta_core.storage.model_files import save_model

CLASSES = ("cat", "dog", "boat")


def write_deeplab(
    path: Path, backbone: str = "efficientnet_lite0_stage5", classes: Sequence[str] = CLASSES
) -> Path:
    """A segmentation model whose masks hold every class somewhere."""
    architecture: dict[str, Any] = {
        "backbone": backbone,
        "weights": "none",
        "output_stride": 8,
        "aspp_rates": [1, 2],
        "scales": [0.5],
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = DeepLab(len(classes), **architecture)
        for branch in model.aspp.branches:  # centred, so that no class wins everywhere
            branch.weight.data -= branch.weight.data.mean((1, 2, 3), keepdim=True)
            branch.weight.data *= 100
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(path, model, "deeplab", classes, architecture)
    return path


def write_cam_like(path: Path) -> Path:
    """A model file that says it is a classifier's."""
    save_model(path, torch.nn.Linear(2, 2), "cam", CLASSES, {})
    return path


def noise(size: tuple[int, int], seed: int) -> np.ndarray:
    """Smooth noise, uint8 (H, W, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
