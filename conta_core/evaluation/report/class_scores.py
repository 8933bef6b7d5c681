"""The section of classes: the IoU of each, by stage and round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conta_core.evaluation.report.html_pieces import Cell, Shaded, section, table
from conta_core.evaluation.summary import (
    LISTS,
    STAGES,
    find_score,
    list_caption,
    number,
    scored_stages,
)


def classes_section(summary: Mapping[str, Any]) -> str | None:
    """The IoU of each class, a table a list.

    Args:
        summary: content of summary.json.

    Returns:
        html; None where nothing was scored.
    """
    parts = [_table(summary, split) for split in LISTS if _is_scored(summary, split)]
    if not parts:
        return None
    if summary["rounds"] > 1:
        parts.insert(0, "<p>Gain: the last round less round 0.</p>")
    return section("classes", "IoU of each class", parts)


def _is_scored(summary: Mapping[str, Any], split: str) -> bool:
    return any(row["split"] == split and row["images"] for row in summary["scores"])


def _table(summary: Mapping[str, Any], split: str) -> str:
    rounds = range(summary["rounds"])
    several = len(rounds) > 1
    headings: list[Cell] = ["class"]
    groups = [("", 1)]
    columns: list[list[Mapping[str, Any]]] = []
    for stage in scored_stages(summary, split):
        found = [(find_score(summary, i, stage, split) or {}).get("iou", {}) for i in rounds]
        columns.append(found)
        headings += [*(f"round {i}" for i in rounds), *(["gain"] if several else [])]
        groups.append((STAGES[stage], len(rounds) + several))
    rows: list[list[Cell]] = [headings]
    for name in ("background", *summary["classes"]):
        row: list[Cell] = [name]
        for by_round in columns:
            values = [iou.get(name) for iou in by_round]
            row += [_shaded(value) for value in values]
            if several:
                row.append(gain(values[0], values[-1]))
        rows.append(row)
    caption = f"IoU in percent, {list_caption(summary, split)}"
    return table(rows, caption, text=1, groups=groups)


def gain(first: float | None, last: float | None) -> str:
    """How much a number grew, with its sign; a dash where one is missing."""
    return "-" if first is None or last is None else f"{last - first:+.1f}"


def _shaded(value: float | None) -> Cell:
    return number(value) if value is None else Shaded(number(value), value / 100)
