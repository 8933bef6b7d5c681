"""Folders of <image id>.png."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from conta_core.data.masks import read_label_png
from conta_core.errors import ContaError

ENDING = ".png"


def mask_ids(folder: Path) -> list[str]:
    """Ids of the images that a folder has masks of, in order."""
    names = sorted(os.listdir(folder))
    return [n.removesuffix(ENDING) for n in names if n.endswith(ENDING) and not n.startswith(".")]


def read_mask_file(folder: Path, image_id: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """The mask of an image, uint8 (H, W).

    Raises:
        ContaError: missing, unreadable, or of another size than the image's.
    """
    path = folder / f"{image_id}{ENDING}"
    labels = read_label_png(path)
    if size is not None and labels.shape != size:
        raise ContaError(
            f"{path}: height and width {labels.shape}, expected {size} as the image; delete the "
            "folder and let the workflow make it again"
        )
    return labels
