"""Pieces of html: sections, tables, grids of figures, a legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from conta_core.data.masks import voc_palette


@dataclass(frozen=True)
class Shaded:
    """A cell whose ground is the darker the larger its share.

    Attributes:
        text: of the cell.
        share: 0..1.
    """

    text: str
    share: float


Cell = str | Shaded


def section(name: str, title: str, parts: Iterable[str]) -> str:
    """A section of the page.

    Args:
        name: its id, which the list of contents links to.
        title: its heading.
        parts: html.

    Returns:
        html.
    """
    body = "\n".join(parts)
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{escape(title)}</h2>\n{body}\n</section>'
    )


def details(summary: str, parts: Iterable[str]) -> str:
    """What is shown when it is asked for; on paper always."""
    return f"<details><summary>{escape(summary)}</summary>{''.join(parts)}</details>"


def grid(figures: Iterable[str]) -> str:
    """Figures side by side, as many as fit."""
    return f'<div class="grid">{"".join(figures)}</div>'


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


def table(
    rows: Sequence[Sequence[Cell]],
    caption: str,
    text: int = 0,
    groups: Sequence[tuple[str, int]] = (),
    style: str = "",
) -> str:
    """A table that is scrolled by itself where the screen is narrower.

    Args:
        rows: a heading row, then the body's; the first cell of each is its heading.
        caption: stands above.
        text: so many first columns hold words.
        groups: headings over so many columns each, above the heading row; "" for none.
        style: a further class of the style sheet.

    Returns:
        html.
    """
    starts = _starts(groups)

    def cells(row: Sequence[Cell], head: bool) -> str:
        return "".join(
            _cell(cell, "col" if head else "row" if i == 0 else "", i < text, i in starts)
            for i, cell in enumerate(row)
        )

    over = "".join(
        f"<th scope=colgroup colspan={span}{' class=start' if name else ''}>{escape(name)}</th>"
        if name
        else f"<td colspan={span}></td>"
        for name, span in groups
    )
    head = (f"<tr>{over}</tr>" if over else "") + f"<tr>{cells(rows[0], True)}</tr>"
    body = "".join(f"<tr>{cells(row, False)}</tr>" for row in rows[1:])
    return (
        # the caption stays in view while the table is scrolled
        f'<p class="caption">{escape(caption)}</p>'
        f'<div class="wide" role="region" aria-label="{escape(caption)}" tabindex="0">'
        f'<table class="{style}" aria-label="{escape(caption)}">'
        f"<thead>{head}</thead><tbody>{body}</tbody></table></div>"
    )


def _starts(groups: Sequence[tuple[str, int]]) -> set[int]:
    """The columns with which a named group begins."""
    starts, column = set(), 0
    for name, span in groups:
        if name:
            starts.add(column)
        column += span
    return starts


def _cell(cell: Cell, scope: str, is_text: bool, begins: bool) -> str:
    shaded = isinstance(cell, Shaded)
    classes = [
        name for name, there in (("text", is_text), ("start", begins), ("shaded", shaded)) if there
    ]
    attributes = f' class="{" ".join(classes)}"' if classes else ""
    if isinstance(cell, Shaded):
        attributes += f' style="--share:{min(max(cell.share, 0), 1):.2f}"'
    text = escape(cell.text if isinstance(cell, Shaded) else cell)
    tag = "th" if scope else "td"
    return f"<{tag}{f' scope={scope}' if scope else ''}{attributes}>{text}</{tag}>"
