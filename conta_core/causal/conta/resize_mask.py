"""A mask, or one class of it, averaged down to the size of the confounder set."""

from __future__ import annotations

import cv2
import numpy as np


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A float32 map (H, W) averaged down (or enlarged) to (h, w)."""
    shrinks = mask.shape[0] >= size[0] and mask.shape[1] >= size[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(mask, (size[1], size[0]), interpolation=interpolation)
