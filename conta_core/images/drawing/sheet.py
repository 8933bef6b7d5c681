"""A sheet: pictures and text placed by the pixel, as a matplotlib figure and as a file.

All is drawn on one axes that covers the figure and whose unit is a pixel, from the top left: a
picture is never resampled, and nothing moves because a text is longer.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from conta_core.errors import ContaError
from conta_core.images.drawing.lettering import DPI, font, line_height
from conta_core.storage.atomic import replace_when_done

INK = "#1c1c1c"
SOFT = "#5c5c5c"
FRAME = "#9a9a9a"
MARGIN = 16
#: between two blocks
GAP = 14
MIN_WIDTH = 420
#: what a sheet can be written as, and what keeps its bytes the same each time
FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    ".svg": {"Date": None, "Creator": None},
}


class Canvas:
    """What blocks draw on; places are in pixels from the top left."""

    def __init__(self, width: int, height: int) -> None:
        self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
        self._axes = self.figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set_xlim(0, width)
        self._axes.set_ylim(height, 0)
        self._axes.set_autoscale_on(False)

    def image(self, pixels: np.ndarray, left: float, top: float) -> None:
        """Put pixels, uint8 RGB (H, W, 3), there as they are, in a thin frame."""
        height, width = pixels.shape[:2]
        self._axes.imshow(
            pixels,
            extent=(left, left + width, top + height, top),
            interpolation="none",
            aspect="auto",
            zorder=2,
        )
        # below the picture, so that it covers no pixel of it
        self.box(left - 1, top - 1, width + 2, height + 2, fill=FRAME)

    def box(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        fill: str | tuple[float, ...] | None = None,
        edge: str | None = None,
    ) -> None:
        """Draw a rectangle."""
        self._axes.add_patch(
            Rectangle(
                (left, top),
                width,
                height,
                facecolor=fill if fill is not None else "none",
                edgecolor=edge if edge is not None else "none",
                linewidth=72 / DPI,
            )
        )

    def text(
        self,
        text: str,
        left: float,
        top: float,
        size: float = 9,
        *,
        bold: bool = False,
        colour: str = INK,
        align: str = "left",
    ) -> None:
        """Write one line, its top at ``top``; ``left`` is its left end, middle or right end."""
        self._axes.text(
            left,
            top + 0.78 * line_height(size),
            text,
            fontproperties=font(size, bold),
            color=colour,
            ha=align,
            va="baseline",
            parse_math=False,
        )

    def lines(self, lines: Sequence[str], left: float, top: float, size: float, **how: Any) -> None:
        """Write several lines, one below the other."""
        for place, line in enumerate(lines):
            self.text(line, left, top + place * line_height(size), size, **how)


class Block(Protocol):
    """A part of a sheet, as wide as the sheet."""

    @property
    def width(self) -> int:
        """The least width that it needs, in pixels."""

    def height(self, width: int) -> int:
        """Its height at a width, in pixels."""

    def draw(self, canvas: Canvas, left: int, top: int, width: int) -> None:
        """Draw it there."""


def draw_sheet(blocks: Sequence[Block]) -> Figure:
    """Blocks one below the other, as a figure of the size that they need."""
    with matplotlib.style.context("default"):
        width = max([MIN_WIDTH, *(block.width for block in blocks)])
        heights = [block.height(width) for block in blocks]
        canvas = Canvas(
            width + 2 * MARGIN, sum(heights) + GAP * max(len(blocks) - 1, 0) + 2 * MARGIN
        )
        top = MARGIN
        for block, height in zip(blocks, heights, strict=True):
            block.draw(canvas, MARGIN, top, width)
            top += height + GAP
    return canvas.figure


def require_picture_name(path: str | os.PathLike[str]) -> Path:
    """The path, if a sheet can be written there.

    Raises:
        ContaError: another ending than those of :data:`FORMATS`, or a folder.
    """
    found = Path(path)
    if found.suffix.lower() not in FORMATS:
        raise ContaError(
            f"{path}: its ending is {found.suffix or 'missing'}, expected one of "
            f"{', '.join(FORMATS)}; name the picture so"
        )
    if found.is_dir():
        raise ContaError(f"{path}: a folder, expected the name of a picture to write")
    return found


def write_sheet(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure, whole or not at all; the same bytes for the same figure.

    A file that is there is replaced.

    Args:
        figure: of :func:`draw_sheet`.
        path: ends with one of :data:`FORMATS`.

    Raises:
        ContaError: the path is no name of a picture, or cannot be written.
    """
    final = require_picture_name(path)
    kind = final.suffix.lower()
    try:
        with (
            matplotlib.style.context("default"),
            matplotlib.rc_context({"svg.hashsalt": "conta"}),
            replace_when_done(final) as temporary,
        ):
            figure.savefig(temporary, format=kind[1:], dpi=DPI, metadata=FORMATS[kind])
    except OSError as error:
        raise ContaError(
            f"{path}: cannot be written ({error.strerror or error}); name another place with -o"
        ) from None
