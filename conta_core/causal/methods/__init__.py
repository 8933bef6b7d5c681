"""The methods of the causal step: what a round takes from the one before.

A method says which stages it adds to the workflow, which files and config keys the stages depend on
through it, and how it prepares the trainings. The rules and the stages ask this package, and none
of them knows a method by its name.

A new method is one module here with a subclass of :class:`.base.CausalMethod`, one line in
:data:`METHODS`, and its name and settings in :mod:`conta_core.settings.context`. A stage that the
method adds has a rule and a place in the table of stages like any other.

The rules import this package, so its modules import no torch, numpy or cv2. What computes is
imported when a stage prepares its work.
"""

from __future__ import annotations

from conta_core.causal.methods.base import CausalInputs, CausalMethod
from conta_core.causal.methods.conta import ContaMethod
from conta_core.causal.methods.intervention import InterventionMethod
from conta_core.causal.methods.none import NoMethod
from conta_core.errors import ContaError
from conta_core.runtime.registry import Registry
from conta_core.settings import ContextSettings, Experiment

__all__ = [
    "METHODS",
    "CausalInputs",
    "CausalMethod",
    "has_stage",
    "inputs",
    "keys",
    "method_of",
    "require_stage",
]

#: context.method -> the method
METHODS: Registry[CausalMethod] = Registry(
    "context.method",
    {"none": NoMethod(), "conta": ContaMethod(), "intervention": InterventionMethod()},
)


def method_of(context: ContextSettings, round_index: int) -> CausalMethod:
    """What a round takes from the one before: nothing in round 0, else what the run's method says.

    Args:
        context: of the run; not read in round 0.
        round_index: the round.
    """
    return METHODS["none" if round_index == 0 else context.method]


def keys(stage: str, experiment: Experiment, round_index: int) -> tuple[str, ...]:
    """The config keys that a stage depends on through the run's method.

    Args:
        stage: name of the stage.
        experiment: of the run.
        round_index: the round; of a stage of the whole run, the last one.

    Returns:
        Dotted keys, such as ``context.block``.
    """
    return _asked(stage, experiment, round_index).keys(stage, experiment, round_index)


def inputs(stage: str, experiment: Experiment, round_index: int) -> dict[str, str]:
    """The files that a stage reads through the run's method.

    Args:
        stage: name of the stage.
        experiment: of the run.
        round_index: the round.

    Returns:
        Name of the input -> path with ``{run}`` in place of the run's name.
    """
    return _asked(stage, experiment, round_index).inputs(stage, experiment, round_index)


def has_stage(stage: str, experiment: Experiment, round_index: int) -> bool:
    """Whether the run's method adds a stage to a round.

    Args:
        stage: name of the stage.
        experiment: of the run.
        round_index: the round.
    """
    return METHODS[experiment.context.method].has_stage(stage, experiment, round_index)


def require_stage(stage: str, experiment: Experiment, run: str) -> None:
    """Refuse to make a stage of a method for a run of another method.

    Args:
        stage: name of the stage.
        experiment: of the run.
        run: name of the run, for the message.

    Raises:
        ContaError: the stage belongs to methods, and the run's is none of them.
    """
    owners = [name for name, method in METHODS.items() if stage in method.stages]
    if owners and experiment.context.method not in owners:
        raise ContaError(
            f"run {run}: context.method is {experiment.context.method!r}, which has no {stage}; "
            f"ask for files of a run whose method is {' or '.join(owners)}"
        )


def _asked(stage: str, experiment: Experiment, round_index: int) -> CausalMethod:
    """The method that answers for a stage: for its own stages the run's, in round 0 too."""
    own = METHODS[experiment.context.method]
    return own if stage in own.stages else method_of(experiment.context, round_index)
