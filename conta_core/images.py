"""Reading photographs."""

from __future__ import annotations

import os

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from conta_core.errors import ContaError


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an image file as RGB.

    Returns:
        uint8 (H, W, 3), values 0-255. Greyscale is repeated (16-bit: its upper byte), CMYK
        is converted, alpha is dropped; EXIF rotation is not applied, since masks lie in the
        stored orientation.

    Raises:
        ContaError: the file is missing, cut off or no image.
    """
    try:
        with Image.open(path) as image:
            if image.mode.startswith("I;16"):  # Pillow would cut off at 255
                grey = (np.asarray(image) >> 8).astype(np.uint8)
                return np.repeat(grey[..., None], 3, axis=2)
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise ContaError(
            f"{path}: no such image; expected a file there: restore it or take its id off the list"
        ) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise ContaError(
            f"{path}: unreadable image ({error}); replace the file or take its id off the list"
        ) from None
    except Image.DecompressionBombError as error:
        raise ContaError(f"{path}: refused, too large an image ({error}); scale it down") from None


def exif_orientation(path: str | os.PathLike[str]) -> int:
    """The orientation that an image file's EXIF data ask for: 1 as stored, up to 8."""
    try:
        with Image.open(path) as image:
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (OSError, ValueError, TypeError, SyntaxError):
        return 1
