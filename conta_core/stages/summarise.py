"""summarise: the scores of all rounds in summary.json, and report.html to look at."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from conta_core.data.manifest import Manifest
from conta_core.evaluation.reliance import gather_reliance
from conta_core.evaluation.report import render_report
from conta_core.evaluation.summary import summarise_scores, write_summary
from conta_core.storage.atomic import replace_when_done


def summarise(
    *,
    manifest: str,
    rounds: list[dict[str, Any]],
    settings: Mapping[str, Any],
    benchmarks: str,
    output: str,
    report: str,
    run: str,
    lacking: Collection[str] = (),
    start_from: str | None = None,
) -> None:
    """Write the summary and the report of a run.

    Args:
        manifest: path of dataset.json.
        rounds: the files of each round, of :func:`~conta_core.workflow.run_folders.files_by_round`.
        settings: the keys that the run's results depend on, nested as in the config.
        benchmarks: folder of Snakemake's benchmark files; what is not there is named.
        output: path of summary.json.
        report: path of report.html.
        run: name of the run.
        lacking: names of stages that the run does without, or ``name/round-0``.
        start_from: the run whose round 0 it goes on from; None: its own.

    Raises:
        ContaError: a file is missing or broken, or belongs to another run or round.
    """
    data = Manifest.load(manifest)
    summary = summarise_scores(data, [paths["scores"] for paths in rounds], run, start_from)
    reliances = [paths.get("reliance") for paths in rounds]
    summary["reliance"] = gather_reliance(reliances, run, start_from)
    page = render_report(
        summary,
        data,
        rounds,
        manifest_path=manifest,
        settings=settings,
        benchmarks=benchmarks,
        lacking=lacking,
    )
    write_summary(output, summary)
    with replace_when_done(report) as temporary:
        temporary.write_text(page, encoding="utf-8")
