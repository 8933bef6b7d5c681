"""The tables of a summary as text, for a terminal and for the report alike.

Each gives a heading row, then the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conta_core.evaluation.scores.biased_pairs import mean_of_pairs
from conta_core.workflow.stages import SCORED

#: the lists of a data set, in words
LISTS = {"train": "training list", "val": "validation list"}
#: what a label has beside its IoU, in words
ERRORS = {"fpr": "FPR", "fnr": "FNR", "confusion_ratio": "FP / TP"}
#: the means over labels, in words
MEANS = {"all": "mean", "foreground": "mean, no background"}


def over_rounds(summary: Mapping[str, Any], stage: str, split: str) -> list[dict[str, Any]]:
    """The row of ``scores`` of a stage and list in each round; empty where there is none."""
    found = {
        row["round"]: dict(row)
        for row in summary["scores"]
        if (row["stage"], row["split"]) == (stage, split)
    }
    return [found.get(index, {}) for index in range(summary["rounds"])]


def scored_stages(summary: Mapping[str, Any], split: str) -> list[str]:
    """The stages that have a row for a list, in order."""
    found = {row["stage"] for row in summary["scores"] if row["split"] == split}
    return [stage for stage in SCORED if stage in found]


def score_rows(summary: Mapping[str, Any], split: str) -> list[list[str]]:
    """The mIoU table of a list as text: a heading row, then one row a round."""
    stages = scored_stages(summary, split)
    columns = [
        [number(row.get("miou")) for row in over_rounds(summary, stage, split)] for stage in stages
    ]
    rounds = map(str, range(summary["rounds"]))
    rows = zip(rounds, *columns, strict=True)
    return [["round", *(SCORED[stage] for stage in stages)], *map(list, rows)]


def error_rows(summary: Mapping[str, Any], split: str) -> list[list[str]]:
    """FPR / FNR of a list, in the places of the mIoU table; empty where no score has them.

    The means are over the labels of the mIoU, so that the three of a place add up to 100.
    """
    stages = scored_stages(summary, split)
    columns = [[_errors_of(row) for row in over_rounds(summary, s, split)] for s in stages]
    if not any(cell for column in columns for cell in column):
        return []
    rounds = map(str, range(summary["rounds"]))
    rows = zip(rounds, *([cell or "-" for cell in column] for column in columns), strict=True)
    return [["round", *(SCORED[stage] for stage in stages)], *map(list, rows)]


def pair_rows(summary: Mapping[str, Any]) -> list[list[str]]:
    """The means over the biased pairs, a row a round, stage and list; empty where none has any."""
    rows = [["round", "scores of", "list", "pairs", "with companion", "without", "gap"]]
    for row in summary["scores"]:
        if row.get("pairs"):
            mean = mean_of_pairs(row["pairs"])
            place = [str(row["round"]), SCORED[row["stage"]], LISTS[row["split"]]]
            told = [number(mean[key]) for key in ("with_companion", "without_companion")]
            rows.append([*place, str(len(row["pairs"])), *told, signed(mean["gap"])])
    return rows if len(rows) > 1 else []


def confounding_rows(summary: Mapping[str, Any]) -> list[list[str]]:
    """The table of the confounding diagnostics as text: a heading row, then the rows."""
    rows = [
        [
            "round",
            "scores of",
            "list",
            "far, own context %",
            "far, other contexts %",
            "false positives on own context %",
            "P(absent class), context present",
            "P(absent class), context absent",
        ]
    ]
    for row in summary["confounding"]:
        swap = row.get("swap_test", {})
        rows.append(
            [
                str(row["round"]),
                SCORED[row["stage"]],
                LISTS[row["split"]],
                number(row["far_false_positives"]["own_context"], 2),
                number(row["far_false_positives"]["other_contexts"], 2),
                number(row["false_positives_on_own_context"]),
                number(swap.get("context_present"), 3),
                number(swap.get("context_absent"), 3),
            ]
        )
    return rows


def reliance_rows(summary: Mapping[str, Any]) -> list[list[str]]:
    """The table of the context reliance as text: a heading row, then one row a round."""
    rows = [["round", "P(class), as it is", "its objects filled in", "images without the tag"]]
    for row in summary.get("reliance", []):
        values = (row["mean"][key] for key in ("before", "after", "absent"))
        rows.append([str(row["round"]), *(number(value, 3) for value in values)])
    return rows


def list_caption(summary: Mapping[str, Any], split: str) -> str:
    """Which list, how many of its images are scored and against which ground truth."""
    about = summary["lists"][split]
    counts = {row["images"] for row in summary["scores"] if row["split"] == split}
    scored = f"{max(counts, default=0)} of {about['images']} images scored"
    truth = summary["ground_truth"]
    return f'{LISTS[split]} "{about["name"]}": {scored}, ground truth: {truth or "none"}'


def number(value: float | None, digits: int = 1) -> str:
    """A number for a table; a dash for none."""
    return "-" if value is None else f"{value:.{digits}f}"


def signed(value: float | None) -> str:
    """A difference for a table, with its sign; a dash for none."""
    return "-" if value is None else f"{value:+.1f}"


def _errors_of(row: Mapping[str, Any]) -> str:
    """FPR / FNR of a score; empty where it has none."""
    means = row.get("means", {}).get("all", {})
    told = [means.get("fpr"), means.get("fnr")]
    return "" if None in told else " / ".join(map(number, told))
