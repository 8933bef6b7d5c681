"""Legends drawn into arrays: below a picture, and in its corner."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from conta_core.images.drawing.label_colours import LegendEntry

INK, PAPER = (27, 31, 36), (255, 255, 255)
_SWATCH, _SPACE = 13, 7


def legend_below(entries: Sequence[LegendEntry], width: int) -> np.ndarray:
    """Entries beside and below each other on white.

    Args:
        entries: what to draw.
        width: of the picture, pixels; an entry that is longer is cut off.

    Returns:
        uint8 RGB (h, ``width``, 3).
    """
    font = _font(15)
    height = 24
    places: list[tuple[int, int]] = []
    x, y = _SPACE, _SPACE // 2
    for entry in entries:
        length = _SWATCH + _SPACE + round(font.getlength(entry.text))
        if x > _SPACE and x + length + _SPACE > width:
            x, y = _SPACE, y + height
        places.append((x, y))
        x += length + 3 * _SPACE
    picture = Image.new("RGB", (width, y + height + _SPACE // 2), PAPER)
    draw = ImageDraw.Draw(picture)
    for (x, y), entry in zip(places, entries, strict=True):
        top = y + (height - _SWATCH) // 2
        box = (x, top, x + _SWATCH, top + _SWATCH)
        draw.rectangle(box, fill=entry.colour, outline=INK)
        draw.text((x + _SWATCH + _SPACE, y + height // 2), entry.text, INK, font, anchor="lm")
    return np.asarray(picture)


def legend_in_corner(picture: np.ndarray, title: str, entries: Sequence[LegendEntry]) -> np.ndarray:
    """A picture with a title and a legend in its upper left corner, on a dark ground.

    Args:
        picture: uint8 RGB (H, W, 3).
        title: first line.
        entries: below it, each by its colour.

    Returns:
        uint8 RGB (H, W, 3), the same size.
    """
    font = _font(15)
    height = 22
    shown = Image.fromarray(picture)
    longest = max(font.getlength(text) for text in (title, *(entry.text for entry in entries)))
    box = (round(longest) + _SWATCH + 3 * _SPACE, (1 + len(entries)) * height + _SPACE)
    ground = Image.new("RGB", box, INK)
    shown.paste(ground, (0, 0), Image.new("L", box, 160))
    draw = ImageDraw.Draw(shown)
    draw.text((_SPACE, _SPACE // 2 + height // 2), title, PAPER, font, anchor="lm")
    for row, entry in enumerate(entries, start=1):
        middle = _SPACE // 2 + row * height + height // 2
        top = middle - _SWATCH // 2
        draw.rectangle((_SPACE, top, _SPACE + _SWATCH, top + _SWATCH), entry.colour, PAPER)
        draw.text((2 * _SPACE + _SWATCH, middle), entry.text, PAPER, font, anchor="lm")
    return np.asarray(shown)


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which has Latin, Greek and Cyrillic letters and comes with matplotlib."""
    import matplotlib  # only here: it takes a moment

    return ImageFont.truetype(
        Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size
    )
