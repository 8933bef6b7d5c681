"""Reading photographs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import ExifTags, Image

from conta_core.errors import ContaError

#: of an image or mask: a quarter of a GiB as RGB, from where Pillow warns too. Full-size maps of
#: a few tags would take gigabytes already.
MAX_PIXELS = 2**28 // 3
#: what is read; Pillow knows others, of which EPS runs a program
FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an image file as RGB.

    Returns:
        uint8 (H, W, 3), values 0-255. Greyscale is repeated (16-bit: its upper byte), CMYK
        is converted, alpha is dropped; EXIF rotation is not applied, since masks lie in the
        stored orientation.

    Raises:
        ContaError: the file is missing, cut off, no image of the :data:`FORMATS`, or larger than
            :data:`MAX_PIXELS`.
    """
    try:
        with open_image(path) as image:
            if image.mode.startswith("I;16"):  # Pillow would cut off at 255
                grey = (np.asarray(image) >> 8).astype(np.uint8)
                return np.repeat(grey[..., None], 3, axis=2)
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise ContaError(
            f"{path}: no such image; expected a file there: restore it or take its id off the list"
        ) from None
    except ContaError:
        raise
    except Exception as error:  # on damaged bytes Pillow fails in every way there is
        raise ContaError(
            f"{path}: unreadable image ({error}); replace the file or take its id off the list"
        ) from None


def exif_orientation(path: str | os.PathLike[str]) -> int:
    """The orientation that an image file's EXIF data ask for: 1 as stored, up to 8."""
    try:
        with open_image(path) as image:
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # EXIF data may hold anything, and nothing depends on them
        return 1


@contextmanager
def open_image(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """An image file of the formats that are read, not decoded yet.

    Raises:
        ContaError: it declares more than :data:`MAX_PIXELS`.
    """
    try:
        image = Image.open(path, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # Pillow refuses from twice its limit on; its text begins with the size
        raise _too_large(path, str(error).partition(" exceeds")[0]) from None
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(path, f"{image.width} x {image.height} pixels")
        yield image


def _too_large(path: str | os.PathLike[str], found: str) -> ContaError:
    return ContaError(
        f"{path}: refused, too large: {found}, expected at most {MAX_PIXELS:,} pixels: scale it "
        "down"
    )
