"""``conta check-data``: what a data set holds, and everything that is wrong with it."""

from __future__ import annotations

import json
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

    Ends with status 1 where anything is wrong.
    """
    # only here: no other command must wait for the readers of data sets
    from conta_core.data.checking import check_data

    reports = [
        check_data(experiment.dataset, seed=experiment.seed, workers=workers)
        for experiment in _experiments(config, run)
    ]
    if as_json:
        typer.echo(json.dumps([report.as_json(MAX_LISTED) for report in reports], indent=1))
    else:
        console = Console()
        for report in reports:
            _show(report, console)
    if any(report.problems for report in reports):
        raise typer.Exit(1)


def _experiments(path: Path, run: str | None) -> list[Experiment]:
    """The run that is asked for, or the first run of each data set."""
    from conta_core.settings.load import load_experiments, read_config

    experiments = load_experiments(read_config(path))
    if run is None:
        different = {e.dataset.model_dump_json(): e for e in reversed(experiments.values())}
        return list(different.values())[::-1]
    if run not in experiments:
        raise ContaError(
            f"{path}: has no run {run!r}; it has {', '.join(experiments)}: name one with --run"
        )
    return [experiments[run]]


def _show(report: DataReport, console: Console) -> None:
    if report.splits:
        console.print(_table(report))
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
