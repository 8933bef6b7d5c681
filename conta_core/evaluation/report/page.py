"""The page as a whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from conta_core.data.manifest import Manifest
from conta_core.evaluation.report.benchmarks import read_benchmarks
from conta_core.evaluation.report.biased_pairs import pairs_section
from conta_core.evaluation.report.class_scores import classes_section
from conta_core.evaluation.report.confounder_sets import confounders_section
from conta_core.evaluation.report.data_set import data_set_section
from conta_core.evaluation.report.over_rounds import confounding_section, scores_section
from conta_core.evaluation.report.overview import overview
from conta_core.evaluation.report.pictures import pictures_section
from conta_core.evaluation.report.reliance import reliance_section
from conta_core.evaluation.report.run_settings import settings_section
from conta_core.evaluation.report.sources import sources_section
from conta_core.evaluation.report.templates import render
from conta_core.evaluation.report.times import times_section


def render_report(
    summary: Mapping[str, Any],
    manifest: Manifest,
    rounds: Sequence[Mapping[str, Any]],
    *,
    manifest_path: str,
    settings: Mapping[str, Any],
    benchmarks: str,
    lacking: Collection[str] = (),
) -> str:
    """The page: settings, data set, scores, confounder sets, pictures, times, sources.

    It loads nothing: styles, curves (SVG), pictures and the script are in it, and it forbids the
    browser to load anything else.

    Args:
        summary: content of summary.json.
        manifest: of the data set.
        rounds: paths of each round's files, as in :func:`conta_core.stages.summarise.summarise`.
        manifest_path: of dataset.json.
        settings: the keys that the run's results depend on, nested as in the config.
        benchmarks: folder of Snakemake's benchmark files; what is not there is named.
        lacking: names of stages that the run does without, or ``name/round-0``.

    Returns:
        html; the same bytes for the same input, but for the section of times.

    Raises:
        ContaError: a file that a picture is made of is missing or broken.
    """
    start_from = summary.get("start_from")
    measured = read_benchmarks(benchmarks, summary["run"], len(rounds), start_from, lacking)
    sections = [
        scores_section(summary),
        classes_section(summary),
        pictures_section(manifest, rounds),
        pairs_section(summary),
        confounding_section(summary),
        reliance_section(summary),
        confounders_section(manifest, rounds),
        data_set_section(manifest),
        settings_section(settings),
        times_section(measured, summary["rounds"]),
        sources_section(summary, manifest_path, rounds, benchmarks),
    ]
    return render(
        "report.html",
        title=f"Conta: {summary['run']}",
        sections=[one for one in sections if one is not None],
        **overview(summary),
    )
