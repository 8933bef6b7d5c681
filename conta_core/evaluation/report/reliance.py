"""The section of the context reliance: what a class is given without its objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conta_core.evaluation.report.pieces import Section, Table
from conta_core.evaluation.report.plots import plot
from conta_core.evaluation.summary_rows import number, reliance_rows

#: what is averaged -> in words
CURVES = {
    "before": "as it is",
    "after": "its objects filled in",
    "absent": "images without the tag",
}


def reliance_section(summary: Mapping[str, Any]) -> Section | None:
    """The reliance over rounds as a table, a curve, and by class; None where it was not asked.

    Args:
        summary: content of summary.json.
    """
    rows = summary.get("reliance")
    if not rows:
        return None
    asked = max(row["images"] for row in rows)
    caption = f"mean over classes, {asked} training images"
    points = [(CURVES[key], row["round"], row["mean"][key]) for key in CURVES for row in rows]
    title = "P(class) with and without its objects"
    values = {
        "mean": Table(caption, reliance_rows(summary), text=0),
        "plots": plot(points, summary["rounds"], title, "mean P(class)"),
        "by_class": _by_class(summary),
    }
    return Section("reliance", "How far classes hang on context", "reliance.html", values)


def _by_class(summary: Mapping[str, Any]) -> Table:
    rounds = summary["reliance"]
    rows = [["class", *(f"round {row['round']}" for row in rounds)]]
    for name in summary["classes"]:
        found = (row["classes"][name] for row in rounds)
        cells = (
            f"{number(x['before'], 2)}, {number(x['after'], 2)} ({x['images']})" for x in found
        )
        rows.append([name, *cells])
    return Table("by class: as it is, filled in (images asked)", rows, text=0)
