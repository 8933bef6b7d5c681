"""The section of classes: the IoU of each, by stage and round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conta_core.evaluation.report.pieces import Section, Shaded, Table
from conta_core.evaluation.summary import LISTS, list_caption, number, over_rounds, scored_stages
from conta_core.workflow.stages import SCORED


def classes_section(summary: Mapping[str, Any]) -> Section | None:
    """The IoU of each class, a table a list; None where nothing was scored.

    Args:
        summary: content of summary.json.
    """
    scored = {row["split"] for row in summary["scores"] if row["images"]}
    tables = [_table(summary, split) for split in LISTS if split in scored]
    if not tables:
        return None
    values = {"rounds": summary["rounds"], "tables": tables}
    return Section("classes", "IoU of each class", "classes.html", values)


def _table(summary: Mapping[str, Any], split: str) -> Table:
    rounds = range(summary["rounds"])
    several = len(rounds) > 1
    stages = scored_stages(summary, split)
    columns = [[row.get("iou", {}) for row in over_rounds(summary, s, split)] for s in stages]
    headings = [*(f"round {i}" for i in rounds), *(["gain"] if several else [])]
    rows: list[list[str]] = [["class", *headings * len(stages)]]
    for name in ("background", *summary["classes"]):
        row: list[str] = [name]
        for by_round in columns:
            values = [iou.get(name) for iou in by_round]
            row += [_shaded(value) for value in values]
            if several:
                row.append(gain(values[0], values[-1]))
        rows.append(row)
    caption = f"IoU in percent, {list_caption(summary, split)}"
    return Table(caption, rows, groups=[("", 1), *((SCORED[s], len(headings)) for s in stages)])


def gain(first: float | None, last: float | None) -> str:
    """How much a number grew, with its sign; a dash where one is missing."""
    return "-" if first is None or last is None else f"{last - first:+.1f}"


def _shaded(value: float | None) -> str:
    return number(value) if value is None else Shaded(number(value), value / 100)
