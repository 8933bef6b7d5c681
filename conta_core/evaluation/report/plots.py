"""Curves over rounds."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from conta_core.workflow.stages import SCORED

#: line colours that stand out from a light and from a dark page
COLOURS = ("#d9822b", "#2b95d6", "#29a634", "#9179f2", "#db2c6f")
#: drawn in this colour, then replaced by the page's text colour
INK = "#010203"


def plot(
    points: Iterable[tuple[str, int, float | None]], rounds: int, title: str, unit: str
) -> list[Markup]:
    """One line a name over rounds.

    Args:
        points: name of the line, round and value; None: the line has none there.
        rounds: how many.
        title: of the plot.
        unit: of the values.

    Returns:
        The plot as :func:`drawn` gives it; nothing where no point has a value.
    """
    lines: dict[str, list[tuple[int, float]]] = {}
    for name, index, value in points:
        lines.setdefault(name, []).extend([] if value is None else [(index, value)])
    if not any(lines.values()):
        return []
    stages = list(SCORED.values())

    def draw(axes: Axes) -> None:
        for place, (name, known) in enumerate(lines.items()):
            # a stage keeps its colour in every plot
            i = stages.index(name) if name in stages else place
            axes.plot(
                [x for x, _ in known],
                [y for _, y in known],
                marker="osD^v"[i % 5],
                color=COLOURS[i % len(COLOURS)],
                label=name,
            )
        axes.set(xlabel="round", ylabel=unit)
        axes.set_xticks(range(rounds))

    return [drawn(draw, title)]


def drawn(draw: Callable[[Axes], None], title: str) -> Markup:
    """A plot as inline SVG in the page's own text colour, with a legend below.

    Args:
        draw: puts lines with labels on the axes, and names these.
        title: of the plot.

    Returns:
        svg; the same bytes for the same input.
    """
    ink = {
        key: INK
        for key in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    }
    # text stays text; a fixed salt gives the same ids, and so the same bytes, each time
    style: dict[Any, Any] = {**ink, "svg.fonttype": "none", "svg.hashsalt": title, "font.size": 11}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(5.6, 3.6), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.set(title=title)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, color=INK)
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.2), ncols=2, frameon=False, fontsize=9)
        figure.patch.set_alpha(0)
        axes.patch.set_alpha(0)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    svg = stream.getvalue()
    svg = _without_idle_ids(svg[svg.index("<svg") :].replace(INK, "currentColor"))
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1))


def _without_idle_ids(svg: str) -> str:
    """Less the ids that nothing in the picture refers to: the same ones stand in every plot."""
    used = set(re.findall(r'#([^")]+)', svg))
    return re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", svg)
