"""What the stages that train a model have in common: threads, draws, the run, the model kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from conta_core.runtime.device import configure_threads, select_device
from conta_core.runtime.seeding import derive_seed
from conta_core.settings import TrainingSettings
from conta_core.storage.model_files import save_model
from conta_core.training import processes
from conta_core.training.engine import train
from conta_core.training.files import NO_FILES, TrainingFiles
from conta_core.training.objective import Objective
from conta_core.training.schedule import Schedule
from conta_core.training.views import ViewedImages
from conta_core.workflow.resume_key import resume_key


class ModelTraining:
    """The training of a stage's model, from torch's threads to the model's file.

    A stage brings its data, network, objective, parameter groups and views.

    Args:
        name: part of the seed of every draw. It is given as a constant, so that no published
            number moves when a module or a function gets another name.
        stage: the function of the stage; its code is part of what a kept state belongs to.
        settings: of the training.
        seed: of the experiment.
        round_index: the round.
        threads: CPU threads, of all processes together.
        files: what is written beside the model.

    Attributes:
        draws: parts of the seed (seed, round, name) of all that the training draws.
        device: of this process.
        readers: how many processes may read images for this one, which keeps two threads.
    """

    def __init__(
        self,
        name: str,
        stage: Callable[..., None],
        settings: TrainingSettings,
        *,
        seed: int,
        round_index: int,
        threads: int,
        files: TrainingFiles = NO_FILES,
    ) -> None:
        own_threads = threads // processes.count()
        configure_threads(own_threads)
        self.draws = (seed, round_index, name)
        self.device = select_device(processes.rank())
        self.readers = max(0, own_threads - 2)
        self._stage, self._settings, self._files = stage, settings, files

    def architecture(self, **own: Any) -> dict[str, Any]:
        """What a network is built from, as its file keeps it.

        Args:
            own: of this kind of network alone, plain values.

        Returns:
            Its keyword arguments: the backbone's, the seed of the weights that are new, and
            its own.
        """
        return {
            "backbone": self._settings.backbone,
            "weights": self._settings.weights,
            "output_stride": self._settings.output_stride,
            "seed": derive_seed(*self.draws, "weights"),
            **own,
        }

    def run(
        self,
        what: str,
        objective: Objective,
        groups: Sequence[dict[str, Any]],
        images: ViewedImages,
        *,
        inputs: Sequence[str | None],
        workers: int = 0,
        **further: Any,
    ) -> None:
        """Train, from the start or from where the same training was stopped.

        Args:
            what: names the training in the log.
            objective: on the device; set to training mode.
            groups: parameter groups of SGD, each with its own ``lr`` and ``weight_decay``.
            images: the views of the whole training list.
            inputs: paths of the files and folders that the training reads.
            workers: processes that read images.
            further: settings that the result hangs on beside the training's own, by name.

        Raises:
            ContaError: a loss that is not finite, with its step and images.
            SystemExit: status 143: SIGTERM came; the state was kept.
        """
        settings, draws = self._settings, self.draws
        rank = processes.rank()
        # no two processes drop the same channels out of different images
        torch.manual_seed(derive_seed(*draws, "dropout", *((rank,) if rank else ())))
        train(
            objective.train(),
            groups,
            images,
            Schedule(len(images), settings, draws),
            what=what,
            key=resume_key(self._stage, inputs, settings=settings, draws=draws, **further),
            files=self._files,
            workers=workers,
        )

    def keep(
        self,
        output: str,
        model: nn.Module,
        kind: str,
        classes: Sequence[str],
        architecture: dict[str, Any],
    ) -> None:
        """Write the model; the state of its training is of no more use.

        Args:
            output: path of the model file.
            model: the trained module.
            kind: of the model, such as ``cam``, ``irn`` or ``deeplab``.
            classes: foreground class names.
            architecture: what :meth:`architecture` gave.
        """
        if processes.is_first():
            save_model(output, model, kind, classes, architecture)
        self._files.discard_checkpoint()
