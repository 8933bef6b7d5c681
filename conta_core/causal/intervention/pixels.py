"""Taking objects out of an image, and setting them into another."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: pixels by which a hole is widened, in an image whose long side is 128, else in proportion
MARGIN = 2.0
#: width of the soft rim of what is pasted or filled, likewise
FEATHER = 1.0


@dataclass(frozen=True)
class CutOut:
    """An object cut out of its image.

    Attributes:
        colours: float32 (h, w, 3), 0..255: the object's bounding box with its rim.
        opacity: float32 (h, w), 0..1: soft at the rim.
        origin: top row and left column of the box in its image.
    """

    colours: np.ndarray
    opacity: np.ndarray
    origin: tuple[int, int]


def fill(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Fill a hole with the mean colour of what lies around it.

    Args:
        image: uint8 (H, W, 3).
        hole: bool (H, W).

    Returns:
        uint8 (H, W, 3): the image, softly filled, the hole widened by :data:`MARGIN`.
    """
    if not hole.any():
        return image
    unit = max(hole.shape) / 128
    margin = 2 * round(MARGIN * unit) + 1
    wide = cv2.dilate(hole.astype(np.uint8), np.ones((margin, margin), np.uint8))
    around = _mean_around(image, wide == 0)
    opacity = cv2.GaussianBlur(wide.astype(np.float32), (0, 0), FEATHER * unit)[..., None]
    return _rounded(image * (1 - opacity) + around * opacity)


def cut_out(image: np.ndarray, mask: np.ndarray) -> CutOut:
    """Cut an object out by its mask.

    Args:
        image: uint8 (H, W, 3).
        mask: bool (H, W), true somewhere.
    """
    unit = max(mask.shape) / 128
    rim = round(3 * FEATHER * unit)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (
        slice(max(0, rows[0] - rim), rows[-1] + rim + 1),
        slice(max(0, columns[0] - rim), columns[-1] + rim + 1),
    )
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), FEATHER * unit)
    origin = (int(box[0].start), int(box[1].start))
    return CutOut(image[box].astype(np.float32), soft[box], origin)


def resized(cut: CutOut, factor: float, flip: bool) -> CutOut:
    """A cut-out of another size, perhaps flipped left to right."""
    height, width = cut.opacity.shape
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    colours, opacity = cut.colours, cut.opacity
    if size != (width, height):
        colours = cv2.resize(colours, size, interpolation=cv2.INTER_LINEAR)
        opacity = cv2.resize(opacity, size, interpolation=cv2.INTER_LINEAR)
    if flip:
        colours, opacity = colours[:, ::-1], opacity[:, ::-1]
    return CutOut(colours, opacity, cut.origin)


def paste(image: np.ndarray, cut: CutOut, top: int, left: int) -> tuple[np.ndarray, np.ndarray]:
    """Set a cut-out into an image.

    Args:
        image: uint8 (H, W, 3).
        cut: what is pasted.
        top: row of its first row, negative where it is cut off.
        left: column of its first column, likewise.

    Returns:
        the new image, uint8 (H, W, 3), and the opacity there, float32 (H, W).
    """
    opacity = np.zeros(image.shape[:2], np.float32)
    y0, x0 = max(0, -top), max(0, -left)
    target = (slice(max(0, top), None), slice(max(0, left), None))
    height, width = opacity[target].shape
    source = (slice(y0, y0 + height), slice(x0, x0 + width))
    part = cut.opacity[source]
    place = (
        slice(target[0].start, target[0].start + part.shape[0]),
        slice(target[1].start, target[1].start + part.shape[1]),
    )
    opacity[place] = part
    pasted = image.copy()
    weight = part[..., None]
    pasted[place] = _rounded(image[place] * (1 - weight) + cut.colours[source] * weight)
    return pasted, opacity


def _mean_around(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The mean of the known pixels near each pixel, from the nearest window that holds any."""
    weight = known.astype(np.float32)
    colours = image * weight[..., None]
    mean = np.zeros_like(colours)
    open_pixels = np.ones(known.shape, bool)
    side = max(3, max(known.shape) // 16)
    while open_pixels.any():
        window = (2 * side + 1, 2 * side + 1)
        share = cv2.boxFilter(weight, -1, window, borderType=cv2.BORDER_CONSTANT)
        ready = open_pixels & (share > 1e-4)
        total = cv2.boxFilter(colours, -1, window, borderType=cv2.BORDER_CONSTANT)
        mean[ready] = total[ready] / share[ready, None]
        open_pixels &= ~ready
        if side > 2 * max(known.shape):  # nothing is known
            mean[open_pixels] = 127.5
            break
        side *= 2
    return mean


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
