"""What is done with the segmentation model's logits, without the model."""

from __future__ import annotations

import cv2
import numpy as np


def upsample_logits(logits: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring logits to the size of the image, bilinearly, with pixel centres at one half.

    Args:
        logits: float (n + 1, h, w), background first.
        size: height and width of the image in pixels.

    Returns:
        float32 (n + 1, H, W).
    """
    full = np.empty((len(logits), *size), dtype=np.float32)
    for i, one in enumerate(logits):
        full[i] = cv2.resize(
            np.ascontiguousarray(one, dtype=np.float32),
            (size[1], size[0]),
            interpolation=cv2.INTER_LINEAR,
        )
    return full


def predicted_labels(logits: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels at the size of the image: argmax of the upsampled logits.

    Args:
        logits: float (n + 1, h, w), background first.
        size: height and width of the image in pixels.

    Returns:
        uint8 (H, W): 0 background, i + 1 class i.
    """
    return upsample_logits(logits, size).argmax(axis=0).astype(np.uint8)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the first axis: float32, the shape of ``logits``."""
    exponentials = np.exp(logits - logits.max(axis=0), dtype=np.float32)
    return exponentials / exponentials.sum(axis=0)
