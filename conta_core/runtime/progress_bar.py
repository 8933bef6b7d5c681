"""A bar on the terminal for a long loop; one bar a terminal at most.

Several jobs may write to one terminal. The first that draws locks the terminal and holds its
bar in the last line; the others write lines, which begin with :data:`CLEAR` and so take the
place of the bar, and the bar appears again below them. A line of another program, such as one
of Snakemake's, stands behind the bar, which then appears below it. A lock ends with its process.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time

#: back to the start of the line, and nothing in it
CLEAR = "\r\x1b[K"
#: seconds between two drawings
INTERVAL = 0.2
#: columns of the bar itself
WIDTH = 24

_name: str | None = None


def show_bars(name: str = "") -> None:
    """Let this process draw bars, where its stderr is a terminal.

    Args:
        name: begins each bar, such as the job's; empty: none.
    """
    global _name
    _name = f"{name}: " if name else ""


def on_terminal() -> bool:
    """Whether stderr is a terminal that can go back in a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def clear_bar() -> None:
    """Leave nothing of a bar in the terminal's last line, such as before an error."""
    if on_terminal():
        sys.stderr.write(CLEAR)
        sys.stderr.flush()


class Bar:
    """The bar of one loop, drawn while this process has the terminal for itself.

    Args:
        what: names the work.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._wanted = _name is not None and on_terminal()
        self._lock: int | None = None
        self._drawn = -INTERVAL

    @property
    def is_shown(self) -> bool:
        """Whether the bar stands on the terminal now."""
        return self._lock is not None

    def draw(self, done: int, total: int, text: str) -> None:
        """Draw how far the loop is, unless it was drawn just now.

        Args:
            done: items done.
            total: of so many.
            text: what follows the bar, such as the rate and the time left.
        """
        now = time.monotonic()
        if not self._wanted or now - self._drawn < INTERVAL:
            return
        self._drawn = now
        if self._lock is None:
            self._lock = _locked_terminal()
        if self._lock is not None:
            sys.stderr.write(CLEAR + _rendered(f"{_name}{self._what}", done, total, text))
            sys.stderr.flush()

    def close(self) -> None:
        """Take the bar away and let another job have the terminal."""
        if self._lock is not None:
            sys.stderr.write(CLEAR)
            sys.stderr.flush()
            os.close(self._lock)
            self._lock = None


def _locked_terminal() -> int | None:
    """The terminal, opened once more and locked; None where another job has it."""
    try:
        terminal = os.open(f"/proc/self/fd/{sys.stderr.fileno()}", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return None
    try:
        fcntl.flock(terminal, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(terminal)
        return None
    return terminal


def _rendered(what: str, done: int, total: int, text: str) -> str:
    """One line, one column narrower than the terminal so that it does not wrap."""
    # only here: a job without a terminal does not wait for rich
    from rich.console import Console
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    console = Console(file=sys.stderr)
    columns = Table.grid(padding=(0, 1))
    columns.add_column(no_wrap=True, overflow="ellipsis")
    columns.add_column(width=WIDTH)
    columns.add_column(no_wrap=True, overflow="ellipsis")
    columns.add_row(what, ProgressBar(total, done, width=WIDTH), text)
    with console.capture() as capture:
        console.print(columns, width=console.width - 1, highlight=False)
    return capture.get().rstrip("\n")
