"""From maps of an image's own classes to labels: refined CAMs to pseudo-masks."""

from __future__ import annotations

import cv2
import numpy as np

#: the grid of refined CAMs is this much coarser than the image
STRIDE = 4


def upsample_refined(refined: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring refined CAMs from the stride-4 grid to full size (IRNet, released code).

    Four-fold bilinear upsampling with pixel centres at one half, cut to the image at the
    right and the bottom, divided by the maximum over all classes and pixels.

    Args:
        refined: float (k, h, w), not negative.
        size: height and width of the image in pixels, at most 4h and 4w.

    Returns:
        float32 (k, H, W), 0..1; its maximum is 1 (0 where all of ``refined`` is 0).

    Raises:
        ValueError: the grid does not cover the image.
    """
    count, height, width = refined.shape
    if STRIDE * height < size[0] or STRIDE * width < size[1]:
        raise ValueError(
            f"a grid of {height} x {width} cells of {STRIDE} pixels does not cover an image of "
            f"{size[0]} x {size[1]}"
        )
    full = np.zeros((count, *size), dtype=np.float32)
    for i, one in enumerate(refined):
        enlarged = cv2.resize(
            np.ascontiguousarray(one, dtype=np.float32),
            (STRIDE * width, STRIDE * height),
            interpolation=cv2.INTER_LINEAR,
        )
        full[i] = enlarged[: size[0], : size[1]]
    # the bound only guards maps that are 0 everywhere
    return full / max(float(full.max(initial=0.0)), 1e-5)


def strongest_class(maps: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value and class of the strongest map at each pixel; the first of equals.

    Args:
        maps: float (k, H, W), not negative.
        keys: int (k,), class index of each map.

    Returns:
        float32 (H, W), 0 where k is 0; uint8 (H, W), class indices, 0 where k is 0.
    """
    if len(maps) != len(keys):
        raise ValueError(f"{len(maps)} maps but {len(keys)} class indices")
    if not len(maps):
        shape = maps.shape[1:]
        return np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.uint8)
    maps = np.asarray(maps, dtype=np.float32)
    return maps.max(axis=0), np.asarray(keys).astype(np.uint8)[maps.argmax(axis=0)]


def label_argmax(maps: np.ndarray, keys: np.ndarray, threshold: float) -> np.ndarray:
    """Labels by argmax of [threshold, maps]; background wins a tie.

    Args:
        maps: float (k, H, W), 0..1; k may be 0.
        keys: int (k,), class index of each map.
        threshold: value of the background, 0..1.

    Returns:
        uint8 (H, W): class index + 1, or 0 for background.
    """
    strongest, classes = strongest_class(maps, keys)
    return np.where(strongest > np.float32(threshold), classes + np.uint8(1), np.uint8(0))
