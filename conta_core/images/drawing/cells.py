"""Cells: pictures, charts and gaps with their captions, of which a grid is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from conta_core.images.drawing.lettering import line_height, shortened, text_width, wrapped
from conta_core.images.drawing.sheet import FRAME, INK, SOFT, Canvas

#: long side of a shown picture in pixels: small ones are enlarged, large ones made smaller
MIN_SIDE, MAX_SIDE = 280, 480
_BAR_HEIGHT = 18
_CHART_TEXT = 8.5
_MAX_NAME = 170
_BAR_ROOM = 150
_MARKED, _PLAIN = "#d9822b", "#8a9ba8"


@dataclass(frozen=True)
class Cell:
    """What stands in one place of a grid.

    Attributes:
        size: height and width in pixels.
        paint: draws it at a left and a top.
        title: above it.
        note: below it.
    """

    size: tuple[int, int]
    paint: Callable[[Canvas, float, float], None]
    title: str = ""
    note: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar of a chart; a marked one has another colour."""

    name: str
    value: float
    marked: bool = False


def shown_size(size: tuple[int, int], side: int | None = None) -> tuple[int, int]:
    """Height and width at which an image is shown.

    Args:
        size: height and width of the image.
        side: the long side wanted; None: a whole multiple of small images, at most
            :data:`MAX_SIDE` of large ones.
    """
    long = max(size)
    if side is None:
        side = long * -(-MIN_SIDE // long) if long < MIN_SIDE else min(long, MAX_SIDE)
    return max(1, round(size[0] * side / long)), max(1, round(size[1] * side / long))


def fit(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A photograph (H, W, 3) or a map (H, W) at another height and width, smoothly."""
    smaller = values.shape[0] > size[0]
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    array = np.ascontiguousarray(values)
    return np.asarray(cv2.resize(array, size[::-1], interpolation=method))


def fit_exactly(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels or the cells of a grid at another height and width, by the nearest pixel."""
    array = np.ascontiguousarray(values)
    return np.asarray(cv2.resize(array, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT))


def picture(pixels: np.ndarray, title: str, note: str = "") -> Cell:
    """A picture, uint8 RGB (H, W, 3), shown pixel by pixel."""

    def paint(canvas: Canvas, left: float, top: float) -> None:
        canvas.image(pixels, left, top)

    return Cell((pixels.shape[0], pixels.shape[1]), paint, title, note)


def absent(size: tuple[int, int], title: str, why: str) -> Cell:
    """The place of a picture that there is not, and why."""
    height, width = size

    def paint(canvas: Canvas, left: float, top: float) -> None:
        canvas.box(left, top, width, height, fill="#f0f0f0", edge=FRAME)
        lines = wrapped(why, max(width - 16, 60), 9)
        first = top + (height - len(lines) * line_height(9)) / 2
        canvas.lines(lines, left + width / 2, first, 9, colour=SOFT, align="center")

    return Cell(size, paint, title)


def bar_chart(bars: Sequence[Bar], title: str, note: str = "") -> Cell:
    """Horizontal bars from 0, one below the other, each with its name and number."""
    labels = [
        "".join(shortened(bar.name, _MAX_NAME, _CHART_TEXT, 1, bold=bar.marked)) for bar in bars
    ]
    names = max((text_width(t, _CHART_TEXT, b.marked) for t, b in zip(labels, bars, strict=True)))
    room = round(names) + 8
    largest = max(max(bar.value for bar in bars), 1e-12)

    def paint(canvas: Canvas, left: float, top: float) -> None:
        for place, (bar, label) in enumerate(zip(bars, labels, strict=True)):
            y = top + place * _BAR_HEIGHT
            length = _BAR_ROOM * max(bar.value, 0.0) / largest
            colour = _MARKED if bar.marked else _PLAIN
            canvas.text(label, left + room - 8, y + 1, _CHART_TEXT, bold=bar.marked, align="right")
            canvas.box(left + room, y + 3, length, _BAR_HEIGHT - 6, fill=colour)
            number = f"{bar.value:.3f}"
            canvas.text(number, left + room + length + 5, y + 1, _CHART_TEXT, colour=SOFT)
        canvas.box(left + room - 0.5, top, 0.5, len(bars) * _BAR_HEIGHT, fill=INK)

    return Cell((len(bars) * _BAR_HEIGHT, room + _BAR_ROOM + 50), paint, title, note)
