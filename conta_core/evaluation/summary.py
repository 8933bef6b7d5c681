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
from conta_core.evaluation.summary_rows import (
    LISTS,
    confounding_rows,
    error_rows,
    list_caption,
    pair_rows,
    reliance_rows,
    score_rows,
    scored_stages,
)
from conta_core.storage.json_files import read_format, write_json
from conta_core.workflow.stages import SCORED

FORMAT = "conta-summary"
FORMAT_VERSION = 1
#: of the confounding diagnostics in a terminal
SHORT_HEADINGS = (
    *("round", "scores of", "list", "far own %", "far other %", "fp own %"),
    *("P present", "P absent"),
)


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


def render_table(summary: Mapping[str, Any]) -> str:
    """The summary as plain text for a terminal.

    Args:
        summary: content of summary.json.

    Returns:
        lines: two tables a list, rounds down and stages across (mIoU; FPR and FNR), and those
        of the biased pairs, the confounding diagnostics and the reliance where there are any.
    """
    parts = [f"run {summary['run']}, data set {summary['dataset']}"]
    for split in LISTS:
        if scored_stages(summary, split):
            caption = f"mIoU in percent, {list_caption(summary, split)}"
            parts.append(_captioned(caption, score_rows(summary, split)))
        if errors := error_rows(summary, split):
            caption = f"FPR / FNR in percent of the union, {LISTS[split]}"
            parts.append(_captioned(caption, errors))
    if pairs := pair_rows(summary):
        caption = "biased pairs: IoU of a class with its companion and without, mean over pairs"
        parts.append(_captioned(caption, pairs))
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
