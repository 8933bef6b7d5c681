"""Blocks of a sheet: headings, grids, legends and colour bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from conta_core.images.drawing.cells import Cell
from conta_core.images.drawing.colour_maps import heat_map
from conta_core.images.drawing.label_colours import LegendEntry
from conta_core.images.drawing.lettering import line_height, shortened, text_width, wrapped
from conta_core.images.drawing.sheet import FRAME, INK, SOFT, Canvas

_TITLE, _NOTE, _LEGEND = 9.5, 8.5, 9.0
#: between the cells of a grid
_SPACE = 12
#: between a picture and its title or note
_CAPTION_SPACE = 3
_TITLE_LINES, _NOTE_LINES = 3, 4
#: a caption needs some room below the narrowest picture
_MIN_CELL = 88


@dataclass(frozen=True)
class Heading:
    """Lines of text over the whole width; bold ones are dark."""

    text: str
    size: float = 9
    bold: bool = False
    width: int = 0

    def height(self, width: int) -> int:
        """Of all lines."""
        return len(self._lines(width)) * line_height(self.size)

    def draw(self, canvas: Canvas, left: int, top: int, width: int) -> None:
        """Draw it."""
        lines = self._lines(width)
        canvas.lines(lines, left, top, self.size, bold=self.bold, colour=INK if self.bold else SOFT)

    def _lines(self, width: int) -> tuple[str, ...]:
        return wrapped(self.text, width, self.size, self.bold)


@dataclass(frozen=True)
class Grid:
    """Cells in rows, as wide as the widest of them.

    Attributes:
        cells: row by row.
        columns: in a row.
    """

    cells: Sequence[Cell]
    columns: int

    @property
    def width(self) -> int:
        """Of the columns that there are."""
        columns = min(self.columns, len(self.cells))
        return columns * self._cell_width + (columns - 1) * _SPACE

    def height(self, width: int) -> int:
        """Of all rows."""
        rows = self._rows()
        return sum(self._row_height(row) for row in rows) + _SPACE * (len(rows) - 1)

    def draw(self, canvas: Canvas, left: int, top: int, width: int) -> None:
        """Draw it: the pictures of a row begin at one height, each with its note just below."""
        for row in self._rows():
            titles = self._titles_height(row)
            for place, cell in enumerate(row):
                x = left + place * (self._cell_width + _SPACE)
                lines = self._title(cell)
                first = top + titles - _lines_height(lines, _TITLE)
                canvas.lines(lines, x, first, _TITLE, bold=True)
                cell.paint(canvas, x, top + titles)
                y = top + titles + cell.size[0] + _CAPTION_SPACE
                canvas.lines(self._note(cell), x, y, _NOTE, colour=SOFT)
            top += self._row_height(row) + _SPACE

    @property
    def _cell_width(self) -> int:
        return max(_MIN_CELL, *(cell.size[1] for cell in self.cells))

    def _rows(self) -> list[Sequence[Cell]]:
        return [self.cells[i : i + self.columns] for i in range(0, len(self.cells), self.columns)]

    def _title(self, cell: Cell) -> tuple[str, ...]:
        return shortened(cell.title, self._cell_width, _TITLE, _TITLE_LINES, bold=True)

    def _note(self, cell: Cell) -> tuple[str, ...]:
        return shortened(cell.note, self._cell_width, _NOTE, _NOTE_LINES)

    def _titles_height(self, row: Sequence[Cell]) -> int:
        return max(_lines_height(self._title(cell), _TITLE) for cell in row)

    def _row_height(self, row: Sequence[Cell]) -> int:
        below = max(cell.size[0] + _lines_height(self._note(cell), _NOTE) for cell in row)
        return self._titles_height(row) + below


def _lines_height(lines: Sequence[str], size: float) -> int:
    return len(lines) * line_height(size) + (_CAPTION_SPACE if lines else 0)


@dataclass(frozen=True)
class Legend:
    """Colours and what they mean, in as many lines as they need."""

    entries: Sequence[LegendEntry]

    @property
    def width(self) -> int:
        """Wider for many entries, so that they do not stand in a long column."""
        return min(900, 75 * len(self.entries))

    def height(self, width: int) -> int:
        """Of all lines."""
        return (max((line for *_, line in self._places(width)), default=-1) + 1) * 20

    def draw(self, canvas: Canvas, left: int, top: int, width: int) -> None:
        """Draw it."""
        for entry, text, x, line in self._places(width):
            y = top + 20 * line
            red, green, blue = (channel / 255 for channel in entry.colour)
            canvas.box(left + x, y + 2, 14, 14, fill=(red, green, blue), edge=FRAME)
            canvas.text(text, left + x + 20, y + 1, _LEGEND)

    def _places(self, width: int) -> list[tuple[LegendEntry, str, float, int]]:
        """Each entry with its text, its left and its line."""
        places = []
        x, line = 0.0, 0
        for entry in self.entries:
            text = "".join(shortened(entry.text, width - 20, _LEGEND, 1))
            needed = 20 + text_width(text, _LEGEND)
            if x and x + needed > width:
                x, line = 0.0, line + 1
            places.append((entry, text, x, line))
            x += needed + 18
        return places


@dataclass(frozen=True)
class ColourBar:
    """A colour scale with its numbers.

    Attributes:
        label: what the numbers are.
        low: of the first colour.
        high: of the last colour.
        colours: of values 0..1 (H, W), uint8 RGB (H, W, 3).
    """

    label: str
    low: float
    high: float
    colours: Callable[[np.ndarray], np.ndarray] = heat_map
    width: int = 320

    def height(self, width: int) -> int:
        """Of label, bar and numbers."""
        return len(wrapped(self.label, width, _NOTE)) * line_height(_NOTE) + 3 + 14 + 18

    def draw(self, canvas: Canvas, left: int, top: int, width: int) -> None:
        """Draw it."""
        lines = wrapped(self.label, width, _NOTE)
        canvas.lines(lines, left, top, _NOTE)
        y = top + len(lines) * line_height(_NOTE) + 3
        values = np.linspace(0, 1, self.width, dtype=np.float32)
        canvas.image(self.colours(np.tile(values, (14, 1))), left, y)
        for share, align in (
            (0.0, "left"),
            (0.25, "center"),
            (0.5, "center"),
            (0.75, "center"),
            (1.0, "right"),
        ):
            number = f"{self.low + share * (self.high - self.low):.3g}"
            canvas.text(number, left + share * self.width, y + 16, 8, colour=SOFT, align=align)
