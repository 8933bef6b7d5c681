"""Values as colours."""

from __future__ import annotations

import cv2
import numpy as np

#: how much of a heat map shows over its image
HEAT_ALPHA = 0.6
#: colours of -1, 0 and 1
_SIGNED = np.array([[33, 102, 172], [247, 247, 247], [178, 24, 43]], dtype=np.float64)


def heat_map(values: np.ndarray) -> np.ndarray:
    """A heat map, uint8 RGB (H, W, 3), of values 0..1 (H, W)."""
    grey = (np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO))[..., ::-1]


def heat_over(image: np.ndarray, values: np.ndarray, alpha: float = HEAT_ALPHA) -> np.ndarray:
    """A heat map laid over its image.

    Args:
        image: uint8 RGB (H, W, 3).
        values: (H, W), 0..1.
        alpha: of the heat map, 0..1; the image gets the rest.

    Returns:
        uint8 RGB (H, W, 3).
    """
    heat = heat_map(values).astype(np.float32)
    mixed = (1 - alpha) * image.astype(np.float32) + alpha * heat
    return mixed.astype(np.uint8)


def greyed(image: np.ndarray) -> np.ndarray:
    """A photograph without its colours, uint8 RGB (H, W, 3): those of a map over it stay true."""
    grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    return np.repeat(grey[..., None], 3, axis=2)


def signed_map(values: np.ndarray) -> np.ndarray:
    """Blue for -1, nearly white for 0, red for 1: uint8 RGB (H, W, 3) of values -1..1 (H, W)."""
    channels = [np.interp(values, (-1, 0, 1), colours) for colours in _SIGNED.T]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
