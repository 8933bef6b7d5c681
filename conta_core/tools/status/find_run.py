"""From what a user types to a run's folder and its experiment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from conta_core.errors import ContaError
from conta_core.runtime.nearest import did_you_mean
from conta_core.settings import Experiment
from conta_core.settings.load import load_experiments, merge, read_config

#: read from the working directory where no config is named
DEFAULT = "config.yaml"


def find_run(
    name: str, configs: Sequence[Path] = ()
) -> tuple[Path, str, Experiment | None, str | None]:
    """The working directory, the run, its experiment and where that stands.

    Args:
        name: a run's name, whose results/ lies in the current directory, or its folder
            ``.../results/<run>``.
        configs: config files, later ones win; none: ``config.yaml`` of the working directory,
            if it has the run.

    Raises:
        ContaError: no such run, or a config that cannot be read or does not have it.
    """
    given = Path(name)
    if given.parent != Path(".") or given.is_absolute():
        results, run = given.parent, given.name
        if results.resolve().name != "results":
            raise ContaError(
                f"{name}: no folder of a run; expected a run's name, or its folder results/<run>"
            )
    else:
        results, run = Path("results"), name
    directory = results.parent
    experiments, source = _experiments(directory, configs)
    there = [path.name for path in results.glob("*") if path.is_dir()] if results.is_dir() else []
    if configs and run not in experiments:
        raise ContaError(
            f"{source}: has no run {run!r}; it has {', '.join(experiments)}"
            f"{did_you_mean(run, experiments)}"
        )
    if run not in there and run not in experiments:
        known = list(dict.fromkeys([*there, *experiments]))
        has = f"there are {', '.join(known)}" if known else "there are no results yet"
        mend = "name one, its folder results/<run>, or with --config a recipe that has it"
        raise ContaError(f"{results / run}: no such run; {has}{did_you_mean(run, known, mend)}")
    return directory, run, experiments.get(run), source if run in experiments else None


def _experiments(directory: Path, configs: Sequence[Path]) -> tuple[dict[str, Experiment], str]:
    paths = list(configs)
    if not paths and (directory / DEFAULT).is_file():
        paths = [directory / DEFAULT]
    merged: dict[str, object] = {}
    for path in paths:
        merged = merge(merged, read_config(path))
    source = ", ".join(map(str, paths))
    return (load_experiments(merged) if paths else {}), source
