"""How a photograph is turned when it is shown: EXIF's eight orientations (CIPA DC-008, tag 274)."""

from __future__ import annotations

import numpy as np
from PIL import ExifTags, Image

#: orientation -> the one that undoes it; the others undo themselves
_INVERSE = {6: 8, 8: 6}


def orientation_of(image: Image.Image) -> int:
    """What an image that is not decoded yet asks for: 1 as stored, up to 8."""
    try:
        found = int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # EXIF data may hold anything
        return 1
    return found if 1 <= found <= 8 else 1


def turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels (H, W, ...) as they are stored, turned as they are shown."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def turn_back(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels (H, W, ...) as they are shown, as they are stored."""
    return turn(pixels, _INVERSE.get(orientation, orientation))


def turned_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Height and width after :func:`turn`."""
    return (size[1], size[0]) if orientation >= 5 else size
