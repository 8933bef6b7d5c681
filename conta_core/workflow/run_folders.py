"""Where the files of a run lie: by round, and for round 0 perhaps in another run's folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from conta_core.workflow.base_run import read_start
from conta_core.workflow.stages import ROUND, STAGES, owner_of

IN_ROUND = re.compile(r"round-(\d+)/(.+)$")


def files_by_round(paths: Iterable[str]) -> list[dict[str, Any]]:
    """The files of each round, in order of the rounds.

    Args:
        paths: of files and folders in the rounds of a run; others are passed over.

    Returns:
        For each round: :attr:`Stage.short` -> path, such as ``cams`` -> its ``cams.h5``; and
        ``scores``, likewise for the stages that have scores of their own.
    """
    by_file = {stage.in_round: stage for stage in STAGES if stage.by_round}
    rounds: dict[int, dict[str, Any]] = {}
    for path in paths:
        found = IN_ROUND.search(path)
        if found and found[2] in by_file:
            stage, files = by_file[found[2]], rounds.setdefault(int(found[1]), {"scores": {}})
            (files["scores"] if stage.title else files)[stage.short] = path
    return [rounds[index] for index in sorted(rounds)]


def round_folder(run: Path, index: int) -> Path:
    """The folder of a round of a run's folder."""
    return run / f"round-{index}"


def round_file(folder: Path, name: str) -> Path:
    """Where a file of a round lies, which for round 0 may be the folder of another run.

    Args:
        folder: of the round, results/<run>/round-<round>.
        name: relative to it, one of :data:`ROUND_FILES`.
    """
    index, run = round_of(folder), folder.parent
    other = read_start(run) if index == 0 else None
    if other is None or owner_of(f"{ROUND}/{name}", "", index, other) != other:
        return folder / name
    return _beside(run, other) / folder.name / name


def _beside(run: Path, other: str) -> Path:
    return Path(os.path.abspath(run)).with_name(other)


def round_of(folder: Path) -> int | None:
    """The number of a round's folder, by its name; None: it is no round's."""
    found = re.fullmatch(r"round-(\d+)", folder.name)
    return int(found[1]) if found else None


def rounds_there(run: Path) -> list[int]:
    """The rounds of a run's folder that have begun, in order; round 0 may lie in another run's."""
    numbers = {round_of(path) for path in run.iterdir() if path.is_dir()}
    other = read_start(run)
    if other is not None and round_folder(_beside(run, other), 0).is_dir():
        numbers.add(0)
    return sorted(number for number in numbers if number is not None)
