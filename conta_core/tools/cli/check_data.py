"""``conta check-data``: what a data set holds, and everything that is wrong with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from conta_core.errors import ContaError

if TYPE_CHECKING:
    from conta_core.data.checking import DataReport, SplitReport
    from conta_core.settings import Experiment

#: problems of a kind that are spelt out
MAX_LISTED = 20


def check_data_command(
    config: Annotated[Path, typer.Argument(help="a recipe, e.g. configs/voc_animals.yaml")],
    run: Annotated[
        str | None, typer.Option(help="check this run's data set; else each that a run has")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, for programs")] = False,
    workers: Annotated[int, typer.Option(min=1, help="processes that read")] = 2,
) -> None:
    """Read every list, tag, image and mask once; say what is there and what is wrong.

    CAMs and pseudo-masks that the recipe imports are read too.

    What is doubtful is told too. Ends with status 1 where anything is wrong.
    """
    # only here: no other command must wait for the readers of data sets
    from conta_core.data.checking import check_data

    reports = []
    for experiments in _experiments(config, run):
        first = experiments[0]
        report = check_data(first.dataset, seed=first.seed, workers=workers)
        reports.append(_with_imported(report, experiments, workers))
    if as_json:
        typer.echo(json.dumps([report.as_json(MAX_LISTED) for report in reports], indent=1))
    else:
        console = Console()
        for report in reports:
            _show(report, console)
    if any(report.problems for report in reports):
        raise typer.Exit(1)


def _with_imported(report: DataReport, experiments: list[Experiment], workers: int) -> DataReport:
    """The report with the problems of what the runs import."""
    imports = [e for e in experiments if e.cam.method == "imported" or e.pseudo_masks.imported]
    if report.manifest is None or not imports:
        return report
    # it loads torch
    from conta_core.seeds.foreign.checking import check_imported

    found = [one for e in imports for one in check_imported(e, report.manifest, workers)]
    return replace(report, problems=tuple(dict.fromkeys([*report.problems, *found])))


def _experiments(path: Path, run: str | None) -> list[list[Experiment]]:
    """The run that is asked for, or the runs of each data set."""
    from conta_core.settings.load import load_experiments, read_config

    experiments = load_experiments(read_config(path))
    if run is None:
        different: dict[str, list[Experiment]] = {}
        for experiment in experiments.values():
            different.setdefault(experiment.dataset.model_dump_json(), []).append(experiment)
        return list(different.values())
    if run not in experiments:
        raise ContaError(
            f"{path}: has no run {run!r}; it has {', '.join(experiments)}: name one with --run"
        )
    return [[experiments[run]]]


def _show(report: DataReport, console: Console) -> None:
    if report.splits:
        console.print(_table(report))
    if report.warnings:
        count = len(report.warnings)
        console.print(f"[yellow]{report.name}: to look at: {count}[/yellow]", highlight=False)
        for text in report.warnings:
            console.print(f"  - {escape(text)}", highlight=False, soft_wrap=True)
    kinds = report.by_kind()
    if not kinds:
        console.print(f"{report.name}: every file is as expected", highlight=False)
        return
    for kind, texts in kinds.items():
        console.print(f"[red]{report.name}: {kind}: {_count(len(texts))}[/red]", highlight=False)
        for text in texts[:MAX_LISTED]:
            console.print(f"  - {escape(text)}", highlight=False, soft_wrap=True)
        if len(texts) > MAX_LISTED:
            console.print(f"  ... and {len(texts) - MAX_LISTED} more", highlight=False)


def _table(report: DataReport) -> Table:
    """Images and tags by class and list, and the sizes."""
    splits = report.splits
    table = Table(title=f"{report.name}; ground truth: {escape(report.ground_truth or 'none')}")
    table.add_column("")
    for kind, split in splits.items():
        table.add_column(escape(f"{kind} ({split.name})"), justify="right")

    def add(label: str, value: Any) -> None:
        table.add_row(escape(label), *(str(value(split)) for split in splits.values()))

    add("images", lambda split: split.images)
    add("masks", lambda split: split.masks)
    add("height: min, median, max", lambda split: _spread(split.heights))
    add("width: min, median, max", lambda split: _spread(split.widths))
    table.add_section()
    first: SplitReport = next(iter(splits.values()))
    for name in first.tags:
        add(name, lambda split, name=name: split.tags[name])
    return table


def _spread(values: tuple[int, int, int] | None) -> str:
    return "-" if values is None else " ".join(str(value) for value in values)


def _count(number: int) -> str:
    return "1 problem" if number == 1 else f"{number} problems"
