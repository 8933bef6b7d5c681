"""A mask laid over its photograph, with a legend by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from conta_core.data.masks import voc_palette

#: long side of an overlay in pixels; photographs are scaled to it
SHORTEST, LONGEST = 480, 1280
#: of the colours over the photograph
OPACITY = 0.5
INK, PAPER = (27, 31, 36), (255, 255, 255)


@dataclass(frozen=True)
class Entry:
    """A line of a legend: a colour (RGB) and what it means."""

    colour: tuple[int, int, int]
    text: str


def draw_overlay(image: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """A photograph under the colours of its mask, and below it the classes with their shares.

    Args:
        image: uint8 RGB (H, W, 3).
        labels: uint8 (H, W), 0 background, which gets no colour.
        names: by pixel value, background first.

    Returns:
        uint8 RGB, the long side of the picture between :data:`SHORTEST` and :data:`LONGEST`.
    """
    size = overlay_size((image.shape[0], image.shape[1]))
    way = cv2.INTER_AREA if size[0] < image.shape[0] else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(image, size[::-1], interpolation=way))
    small = np.asarray(cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST))
    return np.vstack([coloured(image, small), draw_legend(entries(labels, names), size[1])])


def overlay_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a photograph of a height and width in its overlay."""
    factor = min(max(max(size), SHORTEST), LONGEST) / max(size)
    height, width = (max(1, round(side * factor)) for side in size)
    return height, width


def coloured(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The colours of the classes over an image, and a white line around each object.

    Args:
        image: uint8 RGB (H, W, 3).
        labels: uint8 (H, W), 0 background.

    Returns:
        uint8 RGB (H, W, 3).
    """
    mixed = cv2.addWeighted(image, 1 - OPACITY, voc_palette()[labels], OPACITY, 0)
    result = np.where(labels[..., None] > 0, mixed, image)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    result[cv2.erode(labels, cross) != labels] = PAPER
    return np.asarray(result, dtype=np.uint8)


def entries(labels: np.ndarray, names: Sequence[str]) -> list[Entry]:
    """The classes of a mask as entries, each with its share, the largest first."""
    pixels = np.bincount(labels.ravel(), minlength=len(names))
    present = sorted((v for v in range(1, len(names)) if pixels[v]), key=lambda v: -pixels[v])
    palette = voc_palette().tolist()
    return [
        Entry(tuple(palette[v]), f"{names[v]} {_percent(pixels[v] / labels.size)}") for v in present
    ] or [Entry(PAPER, "background only")]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "under 1 %"


def draw_labels_in(picture: np.ndarray, title: str, lines: Sequence[Entry]) -> np.ndarray:
    """A picture with a title and a legend in its upper left corner, on a dark ground.

    Args:
        picture: uint8 RGB (H, W, 3).
        title: first line.
        lines: below it, each by its colour.

    Returns:
        uint8 RGB (H, W, 3), the same size.
    """
    font = _font(15)
    swatch, gap, height = 13, 7, 22
    shown = Image.fromarray(picture)
    longest = max(font.getlength(text) for text in (title, *(line.text for line in lines)))
    box = (round(longest) + swatch + 3 * gap, (1 + len(lines)) * height + gap)
    ground = Image.new("RGB", box, INK)
    shown.paste(ground, (0, 0), Image.new("L", box, 160))
    draw = ImageDraw.Draw(shown)
    draw.text((gap, gap // 2 + height // 2), title, PAPER, font, anchor="lm")
    for row, line in enumerate(lines, start=1):
        middle = gap // 2 + row * height + height // 2
        top = middle - swatch // 2
        draw.rectangle((gap, top, gap + swatch, top + swatch), line.colour, PAPER)
        draw.text((2 * gap + swatch, middle), line.text, PAPER, font, anchor="lm")
    return np.asarray(shown)


def draw_legend(lines: Sequence[Entry], width: int) -> np.ndarray:
    """Entries beside and below each other on white.

    Args:
        lines: what to draw.
        width: of the picture, pixels; an entry that is longer is cut off.

    Returns:
        uint8 RGB (h, ``width``, 3).
    """
    font = _font(15)
    swatch, gap, height = 13, 7, 24
    places: list[tuple[int, int]] = []
    x, y = gap, gap // 2
    for line in lines:
        length = swatch + gap + round(font.getlength(line.text))
        if x > gap and x + length + gap > width:
            x, y = gap, y + height
        places.append((x, y))
        x += length + 3 * gap
    picture = Image.new("RGB", (width, y + height + gap // 2), PAPER)
    draw = ImageDraw.Draw(picture)
    for (x, y), line in zip(places, lines, strict=True):
        top = y + (height - swatch) // 2
        box = (x, top, x + swatch, top + swatch)
        draw.rectangle(box, fill=line.colour, outline=INK)
        draw.text((x + swatch + gap, y + height // 2), line.text, INK, font, anchor="lm")
    return np.asarray(picture)


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which has Latin, Greek and Cyrillic letters and comes with matplotlib."""
    import matplotlib  # only here: it takes a moment

    return ImageFont.truetype(
        Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size
    )
