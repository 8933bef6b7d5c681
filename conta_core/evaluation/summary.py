"""The summary of a run: the scores of all rounds in one flat json, and as a table.

``python -m conta_core.evaluation.summary results/<run>/summary.json`` prints the table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.evaluation.scores.layout import SUMMARY
from conta_core.evaluation.scores.score_files import read_scores
from conta_core.storage.json_files import read_format, write_json
from conta_core.workflow.stages import SCORED

FORMAT = "conta-summary"
FORMAT_VERSION = 1
#: of the confounding diagnostics in a terminal
SHORT_HEADINGS = (
    *("round", "scores of", "list", "far own %", "far other %", "fp own %"),
    *("P present", "P absent"),
)
LISTS = {"train": "training list", "val": "validation list"}


def summarise_scores(
    manifest: Manifest,
    rounds: Sequence[Mapping[str, str]],
    run: str,
    start_from: str | None = None,
) -> dict[str, Any]:
    """Bring the scores of all rounds together.

    Args:
        manifest: of the data set.
        rounds: for each round, in order: stage -> path of its scores json.
        run: name of the run.
        start_from: the run whose round 0 it goes on from; None: its own.

    Returns:
        plain values: ``start_from``, where there is one; ``scores``, one row a round, stage
        and list, as the scores json has it (mIoU, IoU and accuracy in percent);
        ``confounding``, one row likewise, only rows of data sets with context maps.

    Raises:
        ContaError: a scores file is missing, broken, or of another run, round or stage.
    """
    scores: list[dict[str, Any]] = []
    confounding: list[dict[str, Any]] = []
    for index, paths in enumerate(rounds):
        of_run = run if start_from is None or index else start_from
        for stage in SCORED:
            if stage not in paths:
                continue
            content = read_scores(paths[stage])
            found = (content["run"], content["round"], content["stage"])
            if found != (of_run, index, stage):
                raise ContaError(
                    f"{paths[stage]}: scores of run, round and stage {found}, expected "
                    f"{(of_run, index, stage)}; delete it and let the workflow make it again"
                )
            for name, entry in content["lists"].items():
                scores.append({"round": index, "stage": stage, "split": name, **entry})
            for name, entry in content.get("confounding", {}).items():
                confounding.append({"round": index, "stage": stage, "split": name, **entry})
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "run": run,
        **({} if start_from is None else {"start_from": start_from}),
        "rounds": len(rounds),
        "dataset": manifest.name,
        "ground_truth": manifest.ground_truth,
        "classes": list(manifest.classes),
        "lists": {
            name: {"name": manifest.list_names[name], "images": len(manifest.lists[name])}
            for name in LISTS
        },
        "scores": scores,
        "confounding": confounding,
    }


def write_summary(path: str | os.PathLike[str], summary: Mapping[str, Any]) -> None:
    """Write summary.json, whole or not at all."""
    write_json(path, summary)


def read_summary(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a summary.json.

    Raises:
        ContaError: missing, unreadable, or of another format or version.
    """
    return read_format(
        path,
        FORMAT,
        FORMAT_VERSION,
        SUMMARY,
        what="a summary",
        mend="name the summary.json of a run",
    )


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


def render_table(summary: Mapping[str, Any]) -> str:
    """The summary as plain text for a terminal.

    Args:
        summary: content of summary.json.

    Returns:
        lines: one table a list, rounds down and stages across (mIoU in percent), and one
        of the confounding diagnostics where there are any.
    """
    parts = [f"run {summary['run']}, data set {summary['dataset']}"]
    for split in LISTS:
        if scored_stages(summary, split):
            caption = f"mIoU in percent, {list_caption(summary, split)}"
            parts.append(_captioned(caption, score_rows(summary, split)))
    if summary["confounding"]:
        _, *rows = confounding_rows(summary)
        parts.append(_captioned("confounding diagnostics", [SHORT_HEADINGS, *rows]))
    if summary.get("reliance"):
        caption = "how far classes hang on context, mean over classes"
        parts.append(_captioned(caption, reliance_rows(summary)))
    return "\n\n".join(parts)


def _captioned(caption: str, rows: Sequence[Sequence[str]]) -> str:
    """A caption, and below it the rows with their columns aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.rjust, row, widths)) for row in rows)
    return "\n".join([caption, *lines])


def main(arguments: Sequence[str]) -> int:
    """Print the table of a summary.json and the path of the report beside it."""
    if len(arguments) != 1:
        print(
            "usage: python -m conta_core.evaluation.summary results/<run>/summary.json",
            file=sys.stderr,
        )
        return 2
    try:
        summary = read_summary(arguments[0])
    except ContaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(render_table(summary))
    print(f"\nreport: {Path(arguments[0]).with_name('report.html')}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
