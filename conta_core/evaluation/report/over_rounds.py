"""The sections of numbers over rounds: scores, confounding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conta_core.evaluation.report.pieces import Section, Table
from conta_core.evaluation.report.plots import plot
from conta_core.evaluation.summary_rows import (
    LISTS,
    confounding_rows,
    error_rows,
    list_caption,
    over_rounds,
    score_rows,
    scored_stages,
)
from conta_core.workflow.stages import SCORED


def scores_section(summary: Mapping[str, Any]) -> Section:
    """The mIoU of every list as a table and as a curve over rounds, and its FPR and FNR.

    Args:
        summary: content of summary.json.
    """
    lists, plots = [], []
    for split, called in LISTS.items():
        stages = scored_stages(summary, split)
        rows = [row for s in stages for row in over_rounds(summary, s, split) if row]
        if not rows:
            continue
        caption = f"mIoU, {list_caption(summary, split)}"
        table = Table(caption, score_rows(summary, split), text=0)
        errors = error_rows(summary, split)
        words = f"FPR / FNR, {LISTS[split]}"
        further = Table(words, errors, text=0) if errors else None
        lists.append({"table": table, "errors": further, "notes": _notes(rows)})
        points = [(SCORED[row["stage"]], row["round"], row["miou"]) for row in rows]
        plots += plot(points, summary["rounds"], f"mIoU over rounds, {called}", "mIoU, percent")
    return Section("scores", "Scores by round", "scores.html", {"lists": lists, "plots": plots})


def confounding_section(summary: Mapping[str, Any]) -> Section | None:
    """The diagnostics as a table and as curves over rounds; None where the run has none.

    Args:
        summary: content of summary.json.
    """
    if not summary["confounding"]:
        return None
    rows = [row for row in summary["confounding"] if row["split"] == "val"]
    far = [
        (f"{SCORED[row['stage']]}, {name.replace('_', ' ')}", row["round"], value)
        for row in rows
        for name, value in row["far_false_positives"].items()
    ]
    swap = [
        (name.replace("_", " "), row["round"], row["swap_test"][name])
        for row in rows
        for name in ("context_present", "context_absent")
        if "swap_test" in row
    ]
    rounds = summary["rounds"]
    far_title = "False positives far from objects, validation list"
    values = {
        "diagnostics": Table("confounding diagnostics", confounding_rows(summary), text=3),
        "plots": [
            *plot(far, rounds, far_title, "percent"),
            *plot(swap, rounds, "Swap test, validation list", "mean P(class)"),
        ],
    }
    return Section("confounding", "Confounding", "confounding.html", values)


def _notes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the numbers of a table come from: thresholds, and why a list has no score."""
    notes: list[str] = []
    for stage in dict.fromkeys(row["stage"] for row in rows):
        of_stage = [row for row in rows if row["stage"] == stage]
        thresholds = [row["threshold"] for row in of_stage if row.get("threshold")]
        if thresholds:
            values = ", ".join(f"{t['value']:.2f}" for t in thresholds)
            chosen = "; ".join(dict.fromkeys(t["chosen"] for t in thresholds))
            notes.append(f"{SCORED[stage]}: threshold by round {values} ({chosen}).")
        notes += dict.fromkeys(f"{SCORED[stage]}: {r['why']}." for r in of_stage if r.get("why"))
    return notes
