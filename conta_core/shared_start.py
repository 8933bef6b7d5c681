"""Runs that go on from another run's round 0: which may, and the note that says so.

The arms of a comparison differ from round 1 on. A run with ``start_from`` makes no data set and
no round 0; ``results/<run>/start.json`` names the run that has them, for who has no config.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from conta_core.errors import ContaError
from conta_core.json_files import read_format, write_json
from conta_core.nearest import nearest
from conta_core.settings import Experiment
from conta_core.settings.base import Name

FORMAT = "conta-start"
FORMAT_VERSION = 1
NOTE = "start.json"
#: what neither the data set nor round 0 depends on
FREE = ("rounds", "shards", "context", "start_from")


def require_equal_starts(experiments: Mapping[str, Experiment]) -> None:
    """Check ``start_from`` of every run.

    Args:
        experiments: run name -> experiment.

    Raises:
        ContaError: the other run is not there, itself starts from one, or has other settings of
            round 0, which are named.
    """
    for run, experiment in experiments.items():
        name = experiment.start_from
        if name is None:
            continue
        where = f"config: runs: {run}: start_from is {name!r}"
        if name not in experiments or name == run:
            what = "the run itself" if name == run else "no run"
            near = nearest(name, [other for other in experiments if other != run])
            mend = f"did you mean {' or '.join(near)}?" if near else "name another run"
            raise ContaError(f"{where}: {what}; {mend}")
        other = experiments[name]
        if other.start_from is not None:
            raise ContaError(
                f"{where}, which itself starts from {other.start_from!r}; name a run that has a "
                "round 0 of its own"
            )
        unequal = _unequal(experiment, other)
        if unequal:
            raise ContaError(
                f"{where}, whose round 0 has other settings: {'; '.join(unequal)}; give both runs "
                "the same, or leave start_from out"
            )


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


def _unequal(one: Experiment, two: Experiment) -> list[str]:
    """The keys that round 0 depends on and that differ, dotted, with both values."""
    values = (e.model_dump(mode="json", exclude=set(FREE)) for e in (one, two))
    here, there = (dict(_leaves(value)) for value in values)
    return [f"{k} is {here[k]!r}, there {there[k]!r}" for k in here if here[k] != there[k]]


def _leaves(values: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{under}{key}.")
        else:
            yield f"{under}{key}", value
