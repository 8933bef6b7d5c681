"""From logits to labels at a photograph's size, in memory for a few of its maps."""

from __future__ import annotations

import cv2
import numpy as np


def strongest_labels(logits: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels at the size of a photograph: the argmax of the upsampled logits.

    The same labels as :func:`~conta_core.networks.segmentation_output.predicted_labels`. Three maps
    at the photograph's size are in memory at a time, instead of one for each class.

    Args:
        logits: float (n + 1, h, w), background first.
        size: height and width of the photograph in pixels.

    Returns:
        uint8 (H, W): 0 background, i + 1 class i.
    """
    labels = np.zeros(size, np.uint8)
    best = _upsampled(logits[0], size)
    for label in range(1, len(logits)):
        values = _upsampled(logits[label], size)
        stronger = cv2.compare(values, best, cv2.CMP_GT)  # the first of equals stays
        cv2.max(labels, np.asarray(stronger, np.uint8) & np.uint8(label), labels)
        cv2.max(values, best, best)
    return labels


def _upsampled(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """As :func:`conta_core.networks.segmentation_output.upsample_logits` does it, one map."""
    values = np.ascontiguousarray(values, dtype=np.float32)
    return np.asarray(cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR))
