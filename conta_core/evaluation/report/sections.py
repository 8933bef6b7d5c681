"""The sections of numbers over rounds: scores, confounding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from conta_core.evaluation.report.html_pieces import section, table
from conta_core.evaluation.report.plots import plot, plot_row
from conta_core.evaluation.summary import (
    LISTS,
    STAGES,
    confounding_rows,
    find_score,
    list_caption,
    score_rows,
    scored_stages,
)


def scores_section(summary: Mapping[str, Any]) -> str:
    """The mIoU of every list as a table and as a curve over rounds.

    Args:
        summary: content of summary.json.

    Returns:
        html.
    """
    parts = [
        "<p>mIoU in percent, background included, over the whole list and over the labels that "
        "occur in it.</p>"
    ]
    plots: list[str] = []
    for split in LISTS:
        stages = scored_stages(summary, split)
        if not stages:
            continue
        caption = f"mIoU, {list_caption(summary, split)}"
        parts.append(table(score_rows(summary, split), caption))
        parts += _notes(summary, split, stages)
        lines = {
            STAGES[stage]: [
                (row or {}).get("miou")
                for row in (find_score(summary, i, stage, split) for i in range(summary["rounds"]))
            ]
            for stage in stages
        }
        if any(value is not None for line in lines.values() for value in line):
            plots.append(plot(lines, f"mIoU over rounds, {LISTS[split]}", "mIoU, percent"))
    return section("scores", "Scores by round", [*parts, *plot_row(plots)])


def confounding_section(summary: Mapping[str, Any]) -> str | None:
    """The diagnostics of confounding as a table and as curves over rounds.

    Args:
        summary: content of summary.json.

    Returns:
        html; None where the run has no diagnostics.
    """
    if not summary["confounding"]:
        return None
    plots: list[str] = []
    own: dict[str, list[float | None]] = {}
    swap: dict[str, list[float | None]] = {}
    for row in summary["confounding"]:
        if row["split"] != "val":
            continue
        for name, value in row["far_false_positives"].items():
            label = f"{STAGES[row['stage']]}, {name.replace('_', ' ')}"
            own.setdefault(label, [None] * summary["rounds"])[row["round"]] = value
        for name in ("context_present", "context_absent"):
            if "swap_test" in row:
                label = name.replace("_", " ")
                line = swap.setdefault(label, [None] * summary["rounds"])
                line[row["round"]] = row["swap_test"][name]
    if own:
        plots.append(plot(own, "False positives far from objects, validation list", "percent"))
    if swap:
        plots.append(plot(swap, "Swap test, validation list", "mean P(class)"))
    parts = [
        "<p>Far: how often a class is predicted more than 14 pixels (at a size of 128) from any "
        "object, where the ground shows the class's own context and where it shows another. "
        "Swap test: mean P(class) on validation images without the class, with its context on "
        "more than 5 % of the pixels, or not. A model that ignores the context has equal numbers "
        "in each pair. The share of false positives on the own context flatters, since objects "
        "may stand on it.</p>",
        table(confounding_rows(summary), "confounding diagnostics", text=3),
    ]
    return section("confounding", "Confounding", [*parts, *plot_row(plots)])


def _notes(summary: Mapping[str, Any], split: str, stages: Iterable[str]) -> list[str]:
    """Where the numbers of a table come from: thresholds, and why a list has no score."""
    notes: list[str] = []
    for stage in stages:
        rows = [r for r in summary["scores"] if (r["stage"], r["split"]) == (stage, split)]
        thresholds = [row["threshold"] for row in rows if row.get("threshold")]
        if thresholds:
            values = ", ".join(f"{t['value']:.2f}" for t in thresholds)
            chosen = "; ".join(dict.fromkeys(t["chosen"] for t in thresholds))
            notes.append(f"{STAGES[stage]}: threshold by round {values} ({chosen}).")
        notes += dict.fromkeys(f"{STAGES[stage]}: {r['why']}." for r in rows if r.get("why"))
    return [f"<p>{escape(' '.join(notes))}</p>"] if notes else []
