"""What a training does when: its steps, the images of every pass, the learning rates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from conta_core.runtime.seeding import torch_generator
from conta_core.settings import TrainingSettings

#: of the poly decay (IRNet, DeepLab)
POWER = 0.9


@dataclass(frozen=True)
class Pass:
    """One forward pass of the global batch.

    Attributes:
        epoch: counted from 0.
        indices: of its images in the list.
    """

    epoch: int
    indices: tuple[int, ...]


@dataclass(frozen=True)
class Schedule:
    """Steps, passes and learning rates of a training; the same for every number of processes.

    Args:
        images: how many images the list has.
        settings: of the training.
        seed: parts of the seed (seed, round, stage) of the order of the images.
    """

    images: int
    settings: TrainingSettings
    seed: tuple[int | str, ...]

    @property
    def passes_per_epoch(self) -> int:
        """Passes that see every image once; the last of an epoch may hold fewer images."""
        return -(-self.images // self.settings.batch_size)

    @property
    def steps(self) -> int:
        """Optimizer steps in all: as given, or whole steps that fit the epochs, at least one."""
        settings = self.settings
        if settings.iterations is not None:
            return settings.iterations
        return max(1, settings.epochs * self.passes_per_epoch // settings.accumulate)

    @property
    def epochs(self) -> int:
        """Epochs that the passes begin."""
        return -(-self.steps * self.settings.accumulate // self.passes_per_epoch)

    def passes(self) -> list[Pass]:
        """Every pass in order, each epoch in an order of its own."""
        every = [
            Pass(epoch, tuple(part.tolist()))
            for epoch in range(self.epochs)
            for part in self._order(epoch)
        ]
        return every[: self.steps * self.settings.accumulate]

    def ends_epoch(self, done: int) -> bool:
        """Whether the last of so many steps ends an epoch, or the training."""
        passes, whole = done * self.settings.accumulate, self.passes_per_epoch
        before = passes - self.settings.accumulate
        return done == self.steps or passes // whole > before // whole

    def rate(self, step: int) -> float:
        """What the learning rates are multiplied by at a step, (1 - step / steps)^0.9.

        With ``poly_interval: k`` it changes every k steps (deeplab-pytorch: 10).
        """
        held = step - step % self.settings.poly_interval
        return float((1 - held / self.steps) ** POWER)

    def _order(self, epoch: int) -> tuple[Tensor, ...]:
        generator = torch_generator(*self.seed, "order", epoch)
        return torch.randperm(self.images, generator=generator).split(self.settings.batch_size)
