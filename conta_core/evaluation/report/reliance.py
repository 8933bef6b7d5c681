"""The section of the context reliance: what a class is given without its objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conta_core.evaluation.report.html_pieces import section, table
from conta_core.evaluation.report.plots import plot, plot_row
from conta_core.evaluation.summary import number, reliance_rows

WORDS = (
    "<p>P(class) of training images that hold the class: as they are, and with the class's objects "
    "filled in by the round's own pseudo-masks. What is left comes from the rest of the image: "
    "context, companions, and what the pseudo-mask missed. Beside it P(class) of images without "
    "the tag. A classifier that looks at objects alone falls from the first to the third. No "
    "ground truth is used.</p>"
)


def reliance_section(summary: Mapping[str, Any]) -> str | None:
    """The reliance over rounds as a table, a curve, and by class.

    Args:
        summary: content of summary.json.

    Returns:
        html; None where it was not asked.
    """
    rows = summary.get("reliance")
    if not rows:
        return None
    captions = ("as it is", "its objects filled in", "images without the tag")
    lines: dict[str, list[float | None]] = {}
    for key, caption in zip(("before", "after", "absent"), captions, strict=True):
        lines[caption] = [None] * summary["rounds"]
        for row in rows:
            lines[caption][row["round"]] = row["mean"][key]
    asked = max(row["images"] for row in rows)
    return section(
        "reliance",
        "How far classes hang on context",
        [
            WORDS,
            table(reliance_rows(summary), f"mean over classes, {asked} training images"),
            *plot_row([plot(lines, "P(class) with and without its objects", "mean P(class)")]),
            table(_by_class(summary), "by class: as it is, filled in (images asked)"),
        ],
    )


def _by_class(summary: Mapping[str, Any]) -> list[list[str]]:
    rounds = summary["reliance"]
    rows = [["class", *(f"round {row['round']}" for row in rounds)]]
    for name in summary["classes"]:
        found = (row["classes"][name] for row in rounds)
        cells = (
            f"{number(x['before'], 2)}, {number(x['after'], 2)} ({x['images']})" for x in found
        )
        rows.append([name, *cells])
    return rows
