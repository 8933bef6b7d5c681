"""Which runs may go on from another run's round 0 (the key `start_from`)."""

from __future__ import annotations

from collections.abc import Mapping

from conta_core.errors import ContaError
from conta_core.settings.base import leaves
from conta_core.settings.comparison import FREE
from conta_core.settings.experiment import Experiment

#: other runs that an error names
MAX_LISTED = 5


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
            others = [other for other in experiments if other != run]
            more = ", ..." if len(others) > MAX_LISTED else ""
            known = f"{', '.join(others[:MAX_LISTED]) or 'none'}{more}"
            raise ContaError(f"{where}: {what}; name another one, there are {known}")
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


def _unequal(one: Experiment, two: Experiment) -> list[str]:
    """The keys that round 0 depends on and that differ, dotted, with both values."""
    values = (e.model_dump(mode="json", exclude=set(FREE)) for e in (one, two))
    here, there = (dict(leaves(value)) for value in values)
    # two variants of a group have not the same keys
    keys = [*here, *(key for key in there if key not in here)]
    pairs = {key: (here.get(key), there.get(key)) for key in keys}
    return [f"{k} is {a!r}, there {b!r}" for k, (a, b) in pairs.items() if a != b]
