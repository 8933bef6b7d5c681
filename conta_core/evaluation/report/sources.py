"""The section of sources: the file, list and ground truth of every number on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conta_core.evaluation.report.pieces import Section, Table
from conta_core.evaluation.summary_rows import LISTS
from conta_core.workflow.stages import SCORED


def sources_section(
    summary: Mapping[str, Any],
    manifest_path: str,
    rounds: Sequence[Mapping[str, Any]],
    benchmarks: str,
) -> Section:
    """Where each number comes from.

    Args:
        summary: content of summary.json.
        manifest_path: of dataset.json.
        rounds: paths of each round's files, as in :func:`conta_core.stages.summarise.summarise`.
        benchmarks: folder of Snakemake's benchmark files.
    """
    rows = [["file", "round", "scores of", "list", "ground truth", "images", "threshold"]]
    for row in summary["scores"]:
        threshold = row.get("threshold")
        rows.append(
            [
                str(rounds[row["round"]]["scores"][row["stage"]]),
                str(row["round"]),
                SCORED[row["stage"]],
                f"{row.get('list', '')} ({LISTS[row['split']]})",
                row.get("ground_truth") or "none",
                str(row["images"]),
                f"{threshold['value']:.2f}, {threshold['chosen']}" if threshold else "-",
            ]
        )
    others = {
        "Data set, tags, ground truth": manifest_path,
        "Numbers of single images": (
            f"{_folders(rounds, 'pseudo_masks')}, against the masks that {manifest_path} names"
        ),
        "Context reliance": _folders(rounds, "reliance") or "not asked",
        "Confounder sets": _folders(rounds, "confounders") or "none",
        "Times and memory": _times(summary, benchmarks),
        "Settings": "the config, as the workflow gave it to the rule summarise",
    }
    scores = Table("scores and their files", rows, text=7, style="words")
    values = {"others": others.items(), "scores": scores}
    return Section("sources", "Where each number comes from", "sources.html", values)


def _times(summary: Mapping[str, Any], benchmarks: str) -> str:
    own, other = f"{benchmarks}/{{rule}}/{summary['run']}", summary.get("start_from")
    return own if other is None else f"{own}, and of round 0 {benchmarks}/{{rule}}/{other}"


def _folders(rounds: Sequence[Mapping[str, Any]], name: str) -> str:
    return ", ".join(str(paths[name]) for paths in rounds if paths.get(name))
