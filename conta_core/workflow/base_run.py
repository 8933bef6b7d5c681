"""The note of a run that goes on from another run's round 0, for who has no config.

A run with ``start_from`` makes no data set and no round 0; ``results/<run>/start.json`` names the
run that has them.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from conta_core.settings.base import Name
from conta_core.storage.json_files import read_format, write_json

FORMAT = "conta-start"
FORMAT_VERSION = 1
NOTE = "start.json"


def write_start(path: str | os.PathLike[str], run: str, start_from: str | None) -> None:
    """Note whose data set and round 0 a run goes on from.

    Args:
        path: of start.json.
        run: name of the run.
        start_from: name of the other; None: the run makes its own.
    """
    write_json(
        path,
        {"format": FORMAT, "format_version": FORMAT_VERSION, "run": run, "start_from": start_from},
    )


def read_start(folder: Path) -> str | None:
    """The run that a run's folder says it starts from; None: it makes its own round 0.

    Raises:
        ContaError: start.json is there, but no note.
    """
    path = folder / NOTE
    if not path.is_file():
        return None
    mend = "delete it and let the workflow make it again"
    found = read_format(path, FORMAT, FORMAT_VERSION, _LAYOUT, what="a note of a start", mend=mend)
    name: str | None = found["start_from"]
    return name


class _Start(TypedDict):
    format: str
    format_version: int
    run: str
    start_from: Name | None


_LAYOUT = TypeAdapter(_Start)
