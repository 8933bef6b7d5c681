"""The section of biased pairs: classes with their companions and without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conta_core.evaluation.report.pieces import Section, Table
from conta_core.evaluation.report.plots import plot
from conta_core.evaluation.scores.biased_pairs import SUBSETS, mean_of_pairs, pair_gap
from conta_core.evaluation.summary_rows import (
    LISTS,
    number,
    over_rounds,
    pair_rows,
    scored_stages,
    signed,
)
from conta_core.workflow.stages import SCORED

#: the two sets of images of a pair, in words
WORDS = {"with_companion": "with the companion", "without_companion": "without it"}


def pairs_section(summary: Mapping[str, Any]) -> Section | None:
    """The means over rounds as a table and as curves, and the pairs of the last round.

    Args:
        summary: content of summary.json.

    Returns:
        None where no score has pairs.
    """
    means = pair_rows(summary)
    if not means:
        return None
    rounds = summary["rounds"]
    plots = []
    for split, called in LISTS.items():
        points = [
            (f"{SCORED[row['stage']]}, {WORDS[name]}", row["round"], mean[name])
            for row in summary["scores"]
            if row["split"] == split and row.get("pairs")
            for mean in [mean_of_pairs(row["pairs"])]
            for name in SUBSETS
        ]
        plots += plot(points, rounds, f"Biased pairs, {called}", "IoU, mean over pairs")
    tables = [
        _table(row)
        for split in LISTS
        for stage in scored_stages(summary, split)
        if (row := over_rounds(summary, stage, split)[-1]).get("pairs")
    ]
    values = {
        "means": Table("IoU in percent, mean over pairs", means, text=3),
        "plots": plots,
        "tables": tables,
    }
    return Section("pairs", "Classes with their companions and without", "pairs.html", values)


def _table(row: Mapping[str, Any]) -> Table:
    """The pairs of a stage and list in one round.

    Args:
        row: of the summary's ``scores``.
    """
    headings = ["images", "IoU", "FPR", "FNR"]
    rows = [["class and companion", "share", *headings * len(SUBSETS), "gap", "on companion"]]
    for pair in row["pairs"]:
        name, companion = pair["class"], pair["companion"]
        cells = [f"{name}, {companion}", number(pair["share"], 0)]
        for subset in (pair[key] for key in SUBSETS):
            rates = (number(subset[rate]) for rate in ("iou", "fpr", "fnr"))
            cells += [str(subset["images"]), *rates]
        lying = row.get("on_companions", {}).get(name, {}).get(companion)
        rows.append([*cells, signed(pair_gap(pair)), number(lying)])
    caption = f"{SCORED[row['stage']]}, {LISTS[row['split']]}, round {row['round']}"
    groups = [("", 2), *((WORDS[key], len(headings)) for key in SUBSETS), ("", 2)]
    return Table(caption, rows, groups=groups)
