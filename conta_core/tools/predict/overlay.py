"""A mask laid over its photograph, with a legend by name."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from conta_core.images.drawing.label_colours import labels_over, outlined, share_entries
from conta_core.images.drawing.legends import legend_below

#: long side of an overlay in pixels; photographs are scaled to it
SHORTEST, LONGEST = 480, 1280


def draw_overlay(image: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """A photograph under the colours of its mask, and below it the classes with their shares.

    Args:
        image: uint8 RGB (H, W, 3).
        labels: uint8 (H, W), 0 background, which gets no colour.
        names: by pixel value, background first.

    Returns:
        uint8 RGB, the long side of the picture between :data:`SHORTEST` and :data:`LONGEST`.
    """
    size = overlay_size((image.shape[0], image.shape[1]))
    way = cv2.INTER_AREA if size[0] < image.shape[0] else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(image, size[::-1], interpolation=way))
    small = np.asarray(cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST))
    picture = outlined(labels_over(image, small), small)
    return np.vstack([picture, legend_below(share_entries(labels, names), size[1])])


def overlay_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a photograph of a height and width in its overlay."""
    factor = min(max(max(size), SHORTEST), LONGEST) / max(size)
    height, width = (max(1, round(side * factor)) for side in size)
    return height, width
