"""What a training writes beside its model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conta_core.training import processes
from conta_core.workflow.stages import checkpoint_path


@dataclass(frozen=True)
class TrainingFiles:
    """What a training writes beside its model.

    Attributes:
        checkpoint: path of the state that a stopped training goes on from; None: none.
        tensorboard: folder of the curves; None: none.
    """

    checkpoint: str | None = None
    tensorboard: str | None = None

    def discard_checkpoint(self) -> None:
        """The model is written: its training's state is of no more use."""
        if self.checkpoint is not None and processes.is_first():
            Path(self.checkpoint).unlink(missing_ok=True)


#: a training that keeps no state and draws no curves
NO_FILES = TrainingFiles()


def training_files(rule: str, wildcards: Any) -> TrainingFiles:
    """Where the workflow keeps them, relative to its working directory.

    Args:
        rule: name of the rule.
        wildcards: with ``run`` and ``round``.
    """
    place = f"{wildcards.run}/round-{wildcards.round}"
    return TrainingFiles(
        checkpoint=checkpoint_path(rule, wildcards.run, int(wildcards.round)),
        tensorboard=f"tensorboard/{place}/{rule}",
    )
