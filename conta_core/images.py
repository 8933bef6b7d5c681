"""Reading photographs."""

from __future__ import annotations

import os

import numpy as np
from PIL import Image, UnidentifiedImageError

from conta_core.errors import ContaError


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an image file as RGB.

    Returns:
        uint8 (H, W, 3), values 0-255. Greyscale is repeated, alpha is dropped; EXIF
        rotation is not applied, since masks lie in the stored orientation.

    Raises:
        ContaError: the file is missing, cut off or no image.
    """
    try:
        with Image.open(path) as image:
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
