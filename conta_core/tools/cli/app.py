"""``conta``: what stands beside the workflow, never instead of it."""

from __future__ import annotations

import errno
import logging
import os
import sys
from typing import NoReturn

import typer
from rich.console import Console

from conta_core.errors import ContaError
from conta_core.runtime.progress_bar import clear_bar, show_bars
from conta_core.tools.cli.check_data import check_data_command
from conta_core.tools.cli.diff import diff
from conta_core.tools.cli.excerpt import excerpt
from conta_core.tools.cli.export import export
from conta_core.tools.cli.export_test import export_test
from conta_core.tools.cli.given_once import require_given_once
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
        require_given_once(typer.main.get_command(app), sys.argv[1:])
        app()
    except ContaError as error:
        _end(str(error))
    except BrokenPipeError:  # of `conta inspect FILE | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _end(cannot_write(error))


def cannot_write(error: OSError) -> str:
    """What to do where a file cannot be written: something is in the way, no right, no room."""
    place = error.filename2 or error.filename
    found = error.strerror or str(error)
    mend = {
        errno.ENOSPC: "make room on that disk, or name a folder on another one",
        errno.EDQUOT: "make room in your quota, or name a folder on another disk",
        errno.EFBIG: "files may not be so large there (ulimit -f): name another folder",
        errno.EEXIST: "a file is in the way: move it, or name another folder",
        errno.ENOTDIR: "a file is where a folder should be: move it, or name another folder",
        errno.EISDIR: "a folder is where a file should be: move it, or name another file",
        errno.EACCES: "name a place that you may write, or get the right",
        errno.EROFS: "name a place that can be written",
        errno.ENOENT: "make the folder, or name another one (TMPDIR names that of temporary files)",
    }.get(error.errno or 0, "mend that, or name another place")
    where = f"{place}: " if place is not None else ""
    return f"{where}cannot be read or written: {found}; {mend}"


def _end(text: str) -> NoReturn:
    """One clear line, and status 1."""
    clear_bar()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"error: {text}", style="red", markup=False)
    sys.exit(1)
