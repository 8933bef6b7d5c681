"""What the log of a job says: how far it is, and its error."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

#: a log is read from so many bytes before its end
READ = 2**20
LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ ([A-Z]+) [\w.]+: (.*)")
#: the lines of :func:`conta_core.runtime.progress.track`
WITHIN = re.compile(
    r"(?P<what>.+): (?P<done>\d+) of (?P<total>\d+) (?P<unit>\w+)"
    r"(?:, (?P<rate>[\d.]+)/s, (?P<left>.+) left)?"
)
AT_THE_END = re.compile(r"(?P<what>.+): (?P<total>\d+) (?P<unit>\w+) in [\d.]+ .*")


@dataclass(frozen=True)
class Progress:
    """How far the last loop of a job is.

    Attributes:
        what: names the work.
        done: items done.
        total: of so many.
        unit: what one item is.
        rate: items a second; None: not told yet.
        left: time left, in words; None: not told yet.
        age: seconds since the job said so.
    """

    what: str
    done: int
    total: int
    unit: str
    rate: float | None
    left: str | None
    age: float

    @property
    def share(self) -> float:
        """0..1."""
        return self.done / self.total if self.total else 1.0


@dataclass(frozen=True)
class JobLog:
    """The log of a job, as it is now.

    Attributes:
        path: relative to the working directory.
        written: when it was last written to, seconds since the epoch.
        progress: of its last loop; None: it told none.
        last: its last line, without time and module; empty: none yet.
        error: first line of its error; None: it told none.
    """

    path: str
    written: float
    progress: Progress | None
    last: str
    error: str | None


def read_log(directory: Path, path: str) -> JobLog | None:
    """Read a job's log.

    Args:
        directory: the working directory.
        path: relative to it.

    Returns:
        What it says; None where there is none.
    """
    try:
        with open(directory / path, "rb") as stream:
            status = os.fstat(stream.fileno())
            stream.seek(max(0, status.st_size - READ))
            text = stream.read().decode(errors="replace")
    except OSError:
        return None
    entries = _entries(text)
    last = entries[-1] if entries else None
    since = max(0.0, time.time() - status.st_mtime)
    progress = None
    for entry in reversed(entries):
        if (match := WITHIN.fullmatch(entry.message)) or (
            match := AT_THE_END.fullmatch(entry.message)
        ):
            # by the clock that wrote the lines, which may be another computer's
            before = (entries[-1].time - entry.time).total_seconds()
            progress = _progress(match.groupdict(), since + max(0.0, before))
            break
    error = next((_first_line(entry) for entry in entries if entry.level == "ERROR"), None)
    return JobLog(path, status.st_mtime, progress, last.message if last else "", error)


@dataclass
class _Entry:
    time: datetime
    level: str
    message: str
    further: list[str]


def _entries(text: str) -> list[_Entry]:
    entries: list[_Entry] = []
    for line in text.splitlines():
        if match := LINE.fullmatch(line):
            when = datetime.fromisoformat(match[1])
            entries.append(_Entry(when, match[2], match[3], []))
        elif entries:
            entries[-1].further.append(line)
    return entries


def _progress(found: dict[str, str | None], age: float) -> Progress:
    total = int(found["total"] or 0)
    done, rate = found.get("done"), found.get("rate")
    return Progress(
        what=str(found["what"]),
        done=total if done is None else int(done),
        total=total,
        unit=str(found["unit"]),
        rate=None if rate is None else float(rate),
        left=found.get("left"),
        age=age,
    )


def _first_line(entry: _Entry) -> str:
    """The error's own first line: of a traceback, that which names the exception."""
    named = [line for line in entry.further if line and not line[0].isspace()]
    if "Traceback (most recent call last):" in named:
        named = named[len(named) - named[::-1].index("Traceback (most recent call last):") :]
        return named[0] if named else entry.message
    return entry.message.removeprefix("error: ")
