"""Figures: pixels as pictures of html."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from conta_core.drawing.colour_maps import heat_map, heat_over
from conta_core.drawing.label_colours import colour_labels

__all__ = ["figure", "heat_map", "heat_over", "label_figure"]

#: long side of a picture in pixels
PICTURE = 176


def label_figure(labels: np.ndarray, caption: str, names: Sequence[str], where: str) -> str:
    """A figure of a mask in the colours of the classes.

    Args:
        labels: uint8 (H, W), 0 background, 255 ignored.
        caption: stands below.
        names: by pixel value, background first.
        where: image and round, for the alternative text, which also names the classes present.

    Returns:
        html.
    """
    present = [names[v] for v in np.unique(labels) if 0 < v < len(names)]
    shown = ", ".join(present) or "background only"
    return figure(colour_labels(labels), caption, f"{caption} of {where}: {shown}", exact=True)


def figure(pixels: np.ndarray, caption: str, alt: str, exact: bool = False) -> str:
    """A figure that carries its picture in itself.

    Args:
        pixels: uint8 RGB (H, W, 3).
        caption: stands below.
        alt: the alternative text.
        exact: keeps flat colours as they are (PNG, else JPEG).

    Returns:
        html.
    """
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    resampling = Image.Resampling.NEAREST if exact else Image.Resampling.BILINEAR
    factor = PICTURE / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    picture = picture.resize(size, resampling)
    stream = io.BytesIO()
    if exact:
        picture.quantize(256, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    else:
        picture.save(stream, "JPEG", quality=85)
    kind = "png" if exact else "jpeg"
    data = base64.b64encode(stream.getvalue()).decode()
    return (
        f'<figure><img alt="{escape(alt)}" width="{size[0]}" height="{size[1]}" '
        f'src="data:image/{kind};base64,{data}"><figcaption>{escape(caption)}</figcaption></figure>'
    )
