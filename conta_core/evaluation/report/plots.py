"""Curves over rounds."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from conta_core.evaluation.summary import STAGES

#: line colours that stand out from a light and from a dark page
COLOURS = ("#d9822b", "#2b95d6", "#29a634", "#9179f2", "#db2c6f")
#: drawn in this colour, then replaced by the page's text colour
INK = "#010203"


def plot(lines: Mapping[str, Sequence[float | None]], title: str, unit: str) -> str:
    """One line a name over rounds, as inline SVG in the page's own text colour.

    Args:
        lines: name -> its value in every round, None where there is none.
        title: of the plot.
        unit: of the values.

    Returns:
        html; the same bytes for the same input.
    """
    stages = list(STAGES.values())

    def draw(axes: Axes) -> None:
        for place, (name, values) in enumerate(lines.items()):
            # a stage keeps its colour in every plot
            i = stages.index(name) if name in stages else place
            known = [(x, y) for x, y in enumerate(values) if y is not None]
            axes.plot(
                [x for x, _ in known],
                [y for _, y in known],
                marker="osD^v"[i % 5],
                color=COLOURS[i % len(COLOURS)],
                label=name,
            )
        axes.set(xlabel="round", ylabel=unit)
        axes.set_xticks(range(max(len(values) for values in lines.values())))

    return drawn(draw, title)


def drawn(draw: Callable[[Axes], None], title: str) -> str:
    """A plot as inline SVG in the page's own text colour, with a legend below.

    Args:
        draw: puts lines with labels on the axes, and names these.
        title: of the plot.

    Returns:
        html; the same bytes for the same input.
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
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)
    return f"<div>{svg}</div>"


def _without_idle_ids(svg: str) -> str:
    """Less the ids that nothing in the picture refers to: the same ones stand in every plot."""
    used = set(re.findall(r'#([^")]+)', svg))
    return re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", svg)


def plot_row(plots: Sequence[str]) -> list[str]:
    """Plots side by side where they fit; nothing where there are none."""
    return [f'<div class="plots">{"".join(plots)}</div>'] if plots else []
