"""Snakemake's benchmark files of a run: seconds and memory of each job."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from conta_core.workflow.stages import BY_RULE, STAGES

#: the rules that run once a run, before all rounds, and those of a round, in order
BEFORE = tuple(r for s in STAGES if not s.by_round and s.name != "summarise" for r in s.rules)
IN_ROUNDS = tuple(r for s in STAGES if s.by_round for r in s.rules)
PART = re.compile(r"\d+-of-(\d+)\.tsv")


@dataclass(frozen=True)
class Measured:
    """What the jobs of a stage took together.

    Attributes:
        seconds: sum of their wall times.
        memory: highest resident memory of any of them in MB; None where none was noted.
        jobs: how many.
    """

    seconds: float
    memory: float | None
    jobs: int


@dataclass(frozen=True)
class Benchmarks:
    """The times and memory of a run, as far as their files are there.

    Attributes:
        measured: rule and round (None: once a run) -> what its jobs took.
        missing: paths that were expected, and are not there or cannot be read.
    """

    measured: dict[tuple[str, int | None], Measured] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def read_benchmarks(
    folder: str,
    run: str,
    rounds: int,
    start_from: str | None = None,
    lacking: Collection[str] = (),
) -> Benchmarks:
    """Read what is there at the time; nothing depends on these files.

    Args:
        folder: of all benchmarks.
        run: name of the run.
        rounds: how many it has.
        start_from: the run whose data set and round 0 it goes on from; None: its own.
        lacking: names of stages that the run does without, or ``name/round-0`` of those that it
            does without in one round.

    Returns:
        What is there, and what is not; a stage that some runs do without is not missed.
    """
    found = Benchmarks()
    every: list[tuple[str, int | None]] = [(rule, None) for rule in BEFORE]
    every += [(rule, index) for index in range(rounds) for rule in IN_ROUNDS]
    for rule, index in every:
        stage = BY_RULE[rule]
        place = Path(folder, rule, stage.owner(run, index, start_from))
        whole = place if index is None else place / f"round-{index}"
        parts, path = _parts(whole), whole.with_name(f"{whole.name}.tsv")
        without = {stage.name, f"{stage.name}/round-{index}"} & {*lacking}
        if parts or path.exists() or not (stage.depends_on_config or without):
            _add(found, (rule, index), whole if parts else path, parts or [path])
    return found


def _parts(folder: Path) -> list[Path]:
    """The files of a stage in parts; where it was made in other numbers of parts, the last ones."""
    files = [path for path in folder.glob("*-of-*.tsv") if PART.fullmatch(path.name)]
    if not files:
        return []
    newest = max(files, key=lambda path: (path.stat().st_mtime_ns, path.name))
    count = _count(newest)
    return [folder / f"{part}-of-{count}.tsv" for part in range(1, int(count) + 1)]


def _count(path: Path) -> str:
    match = PART.fullmatch(path.name)
    return match.group(1) if match else "0"


def _add(found: Benchmarks, key: tuple[str, int | None], name: Path, files: Iterable[Path]) -> None:
    """Add the files of a stage together, or name what is missing of them."""
    rows = {path: _read(path) for path in files}
    missing = [path for path, row in rows.items() if row is None]
    if len(missing) == len(rows):
        found.missing.append(str(name))
        return
    found.missing.extend(str(path) for path in missing)
    known = [row for row in rows.values() if row is not None]
    memory = [row[1] for row in known if row[1] is not None]
    seconds = sum(row[0] for row in known)
    found.measured[key] = Measured(seconds, max(memory, default=None), len(known))


def _read(path: Path) -> tuple[float, float | None] | None:
    """Seconds and MB of a job; None where the file is missing or is no benchmark."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            row = next(csv.DictReader(stream, delimiter="\t"))
        seconds, memory = _number(row["s"]), _number(row["max_rss"])
    except (OSError, ValueError, KeyError, StopIteration, csv.Error):
        return None
    return None if seconds is None else (seconds, memory)


def _number(text: str | None) -> float | None:
    """A finite number; None for what Snakemake writes where it measured nothing."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
