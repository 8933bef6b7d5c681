"""Pieces of html: a table, a strip of figures, a legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from conta_core.masks import voc_palette


def strip(figures: Iterable[str]) -> str:
    """Figures side by side, to be scrolled where they do not fit."""
    return f'<div class="strip" tabindex="0">{"".join(figures)}</div>'


def legend(names: Sequence[str]) -> str:
    """The colours of the classes.

    Args:
        names: by pixel value, background first.

    Returns:
        html.
    """
    palette = voc_palette()
    entries = [*enumerate(names), (255, "ignored")]
    items = (
        f'<li><span style="background: rgb{tuple(int(v) for v in palette[value])}"></span>'
        f"{escape(name)}</li>"
        for value, name in entries
    )
    return f'<ul class="legend" aria-label="colours of the classes">{"".join(items)}</ul>'


def table(rows: Sequence[Sequence[str]], caption: str, text: int = 0) -> str:
    """A table.

    Args:
        rows: a heading row, then the body's.
        caption: stands above.
        text: so many first columns hold words.

    Returns:
        html.
    """

    def cells(tag: str, row: Sequence[str], scope: str = "") -> str:
        return "".join(
            f"<{tag}{scope}{' class=text' if i < text else ''}>{escape(cell)}</{tag}>"
            for i, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows[1:])
    heading = cells("th", rows[0], " scope=col")
    return (
        f'<div class="wide" tabindex="0"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table></div>"
    )
