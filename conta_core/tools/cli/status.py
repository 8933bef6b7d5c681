"""``conta status``: every round and stage of a run at a glance."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live

if TYPE_CHECKING:
    from conta_core.tools.status.run_status import RunStatus

#: exit status where a stage failed
FAILED = 3


def status(
    run: Annotated[str, typer.Argument(help="a run's name, or its folder results/<run>")],
    config: Annotated[
        list[Path] | None,
        typer.Option(
            help="the recipe that the run was started with (may be given several times): it "
            "says how many rounds there shall be; without it config.yaml does, or what is there"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, for programs")] = False,
    watch: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECONDS", help="look again so often, until all is done"),
    ] = None,
) -> None:
    """Say which stages of a run are done, run, wait, failed or were stopped.

    It looks at files alone: run it beside a running workflow as often as you like. What is
    stale by a changed setting it does not see: `snakemake -n` tells. Ends with status 3 where a
    stage failed, else with 0; with 1 where there is no such run.
    """
    # lazy: the settings' schema is of no use to the other commands
    from conta_core.tools.cli.status_table import status_table
    from conta_core.tools.status.find_run import find_run
    from conta_core.tools.status.run_status import State, read_status

    def look() -> RunStatus:
        directory, name, experiment, source = find_run(run, config or ())
        return read_status(directory, name, experiment, source)

    console = Console()
    found = look()
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=None if watch else 1))
        while watch and not found.is_over:
            time.sleep(watch)
            found = look()
            typer.echo(json.dumps(found.as_json()))
    elif watch is None:
        console.print(status_table(found, console))
    else:
        with Live(status_table(found, console), console=console, auto_refresh=False) as live:
            while not found.is_over:
                time.sleep(watch)
                found = look()
                live.update(status_table(found, console), refresh=True)
    if found.count(State.FAILED):
        raise typer.Exit(FAILED)
