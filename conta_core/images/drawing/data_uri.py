"""Pixels as a data URI: a picture inside a page."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image


def data_uri(pixels: np.ndarray, side: int, *, exact: bool) -> tuple[str, tuple[int, int]]:
    """A picture of a given long side.

    Args:
        pixels: uint8 RGB (H, W, 3).
        side: long side of the picture in pixels.
        exact: keeps flat colours as they are, at most 256 of them (PNG); else JPEG.

    Returns:
        The URI, and the picture's width and height.
    """
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    factor = side / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    way = Image.Resampling.NEAREST if exact else Image.Resampling.BILINEAR
    picture = picture.resize(size, way)
    stream = io.BytesIO()
    if exact:
        picture.quantize(256, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    else:
        picture.save(stream, "JPEG", quality=85)
    data = base64.b64encode(stream.getvalue()).decode()
    return f"data:image/{'png' if exact else 'jpeg'};base64,{data}", size
