"""Snakemake's benchmark files of a run: seconds and memory of each job."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conta_core.workflow.stages import BY_RULE

#: the rules that run once a run, before all rounds
BEFORE = ("make_context_shapes", "make_coco_masks", "note_base_run", "index_dataset")
#: the rules of a round, in order
IN_ROUNDS = (
    "train_cam",
    "extract_cams",
    "gather_cams",
    "make_irn_labels",
    "gather_labels",
    "train_irn",
    "refine_cams",
    "gather_refined",
    "make_pseudo_masks",
    "measure_objects",
    "gather_objects",
    "train_deeplab",
    "predict_train_masks",
    "gather_train_masks",
    "predict_logits",
    "gather_logits",
    "build_confounders",
    "deconfound",
    "evaluate_cams",
    "evaluate_refined",
    "evaluate_pseudo_masks",
    "evaluate_reliance",
    "evaluate_segmentation",
    "evaluate_crf",
)
#: only some runs have them
OPTIONAL = (*BEFORE[:3], "measure_objects", "gather_objects", "evaluate_reliance")
#: only in the rounds that a later one takes a context of
OF_CONTEXT = ("build_confounders", "deconfound")
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
    folder: str, run: str, contexts: Sequence[Collection[str]], start_from: str | None = None
) -> Benchmarks:
    """Read what is there at the time; nothing depends on these files.

    Args:
        folder: of all benchmarks.
        run: name of the run.
        contexts: for each round, which of :data:`OF_CONTEXT` it has.
        start_from: the run whose data set and round 0 it goes on from; None: its own.
    """
    found = Benchmarks()
    for rule in BEFORE:
        owner = BY_RULE[rule].owner(run, None, start_from)
        path = Path(folder, rule, f"{owner}.tsv")
        if path.exists() or rule not in OPTIONAL:
            _add(found, (rule, None), path, [path])
    for index, of_context in enumerate(contexts):
        for rule in IN_ROUNDS:
            if rule in OF_CONTEXT and rule not in of_context:
                continue
            owner = BY_RULE[rule].owner(run, index, start_from)
            path = Path(folder, rule, owner, f"round-{index}.tsv")
            parts = _parts(path.with_suffix(""))
            if rule in OPTIONAL and not (parts or path.exists()):
                continue
            _add(found, (rule, index), path.with_suffix("") if parts else path, parts or [path])
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
