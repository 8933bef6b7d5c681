"""What a page consists of, as plain values; ``templates/pieces.html`` says how it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class Shaded(str):
    """The text of a cell whose ground is the darker the larger its share.

    Args:
        text: of the cell.
        share: 0..1.
    """

    share: float

    def __new__(cls, text: str, share: float) -> Shaded:
        """A text with its share."""
        cell = super().__new__(cls, text)
        cell.share = share
        return cell


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        caption: stands above.
        rows: a heading row, then the body's; the first cell of each is its heading.
        text: so many first columns hold words.
        groups: headings over so many columns each, above the heading row; "" for none.
        style: a further class of the style sheet.
    """

    caption: str
    rows: Sequence[Sequence[str]]
    text: int = 1
    groups: Sequence[tuple[str, int]] = ()
    style: str = ""

    @property
    def starts(self) -> set[int]:
        """The columns with which a named group begins."""
        begins = [sum(span for _, span in self.groups[:i]) for i in range(len(self.groups))]
        return {begin for begin, (name, _) in zip(begins, self.groups, strict=True) if name}


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Attributes:
        name: its id, which the list of contents links to.
        title: its heading.
        template: renders what stands below the heading.
        values: what the template shows.
    """

    name: str
    title: str
    template: str
    values: Mapping[str, Any]
