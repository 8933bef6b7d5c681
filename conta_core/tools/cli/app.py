"""``conta``: what stands beside the workflow, never instead of it."""

from __future__ import annotations

import logging
import sys

import typer
from rich.console import Console

from conta_core.errors import ContaError
from conta_core.runtime.progress_bar import clear_bar, show_bars
from conta_core.tools.cli.check_data import check_data_command
from conta_core.tools.cli.diff import diff
from conta_core.tools.cli.excerpt import excerpt
from conta_core.tools.cli.export import export
from conta_core.tools.cli.export_test import export_test
from conta_core.tools.cli.import_weights import import_weights
from conta_core.tools.cli.inspect import inspect
from conta_core.tools.cli.paint import paint
from conta_core.tools.cli.predict import predict
from conta_core.tools.cli.show import show_command
from conta_core.tools.cli.status import status
from conta_core.tools.cli.text_embeddings import text_embeddings

app = typer.Typer(
    name="conta",
    help="Look into, check and convert what the workflow reads and writes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _conta() -> None:
    """Look into, check and convert what the workflow reads and writes."""


app.command("import-weights")(import_weights)
app.command("check-data")(check_data_command)
app.command("excerpt")(excerpt)
app.command("export-test")(export_test)
app.command("show")(show_command)
app.command("inspect")(inspect)
app.command("diff")(diff)
app.command("status")(status)
app.command("paint")(paint)
app.command("predict")(predict)
app.command("export")(export)
app.command("text-embeddings")(text_embeddings)


def main() -> None:
    """Run the command; what a user can mend ends with one clear line and status 1."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    show_bars()
    try:
        app()
    except ContaError as error:
        clear_bar()
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"error: {error}", style="red", markup=False)
        sys.exit(1)
