"""The section of classes: the IoU of each by stage and round, and its errors in the last round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conta_core.evaluation.report.pieces import Section, Shaded, Table
from conta_core.evaluation.summary_rows import (
    ERRORS,
    LISTS,
    MEANS,
    list_caption,
    number,
    over_rounds,
    scored_stages,
    signed,
)
from conta_core.workflow.stages import SCORED


def classes_section(summary: Mapping[str, Any]) -> Section | None:
    """The IoU of each class and its FPR, FNR and confusion ratio; None where nothing was scored.

    Args:
        summary: content of summary.json.
    """
    scored = {row["split"] for row in summary["scores"] if row["images"]}
    lists = [split for split in LISTS if split in scored]
    if not lists:
        return None
    values = {
        "rounds": summary["rounds"],
        "tables": [_table(summary, split) for split in lists],
        "errors": [table for split in lists for table in _errors(summary, split)],
    }
    return Section("classes", "IoU and errors of each class", "classes.html", values)


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


def _errors(summary: Mapping[str, Any], split: str) -> list[Table]:
    """The table of FPR, FNR and FP / TP in the last round, without the stages that lack them."""
    last = {s: over_rounds(summary, s, split)[-1] for s in scored_stages(summary, split)}
    told = {stage: row for stage, row in last.items() if "means" in row and row["images"]}
    if not told:
        return []
    rows: list[list[str]] = [["class", *list(ERRORS.values()) * len(told)]]
    for name in ("background", *summary["classes"]):
        cells = [[row.get(rate, {}).get(name) for rate in ERRORS] for row in told.values()]
        rows.append([name, *(text for one in cells for text in _cells(*one))])
    for labels, words in MEANS.items():
        cells = [[row["means"][labels][rate] for rate in ERRORS] for row in told.values()]
        rows.append([words, *(text for one in cells for text in _cells(*one))])
    caption = (
        f"FPR and FNR in percent of the union, and FP / TP, round {summary['rounds'] - 1}, "
        f"{LISTS[split]}"
    )
    groups = [("", 1), *((SCORED[stage], len(ERRORS)) for stage in told)]
    return [Table(caption, rows, groups=groups)]


def _cells(fpr: float | None, fnr: float | None, ratio: float | None) -> list[str]:
    return [_shaded(fpr), _shaded(fnr), number(ratio, 2)]


def gain(first: float | None, last: float | None) -> str:
    """How much a number grew, with its sign; a dash where one is missing."""
    return signed(None if first is None or last is None else last - first)


def _shaded(value: float | None) -> str:
    return number(value) if value is None else Shaded(number(value), value / 100)
