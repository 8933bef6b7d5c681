"""The training loop: SGD with a poly schedule, on one device or several, to be resumed."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from conta_core.errors import ContaError
from conta_core.runtime.progress import track
from conta_core.settings import TrainingSettings
from conta_core.training import processes
from conta_core.training.checkpoint import Checkpoint
from conta_core.training.files import TrainingFiles
from conta_core.training.frozen_features import Batch, batches
from conta_core.training.interruption import EXIT_STATUS, Interruption, noticed
from conta_core.training.objective import Objective
from conta_core.training.previews import Previews
from conta_core.training.schedule import Schedule
from conta_core.training.training_log import TrainingLog
from conta_core.training.views import ViewedImages

LOGGER = logging.getLogger(__name__)
#: seconds between two states kept
CHECKPOINT_INTERVAL = 60.0
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def train(
    objective: Objective,
    groups: Sequence[dict[str, Any]],
    images: ViewedImages,
    schedule: Schedule,
    *,
    what: str,
    key: str,
    files: TrainingFiles,
    workers: int = 0,
) -> None:
    """Minimise an objective over the schedule's batches.

    In several processes every one calls it: each takes its share of every batch, and all
    end with the same weights as one process on the whole batch, but for rounding.

    Args:
        objective: on its device, in training mode.
        groups: parameter groups of SGD, each with its own ``lr`` and ``weight_decay``.
        images: the views.
        schedule: steps, order and learning rates.
        what: names the training in the log.
        key: what a kept state belongs to, see
            :func:`~conta_core.workflow.resume_key.resume_key`.
        files: what is written beside the model.
        workers: processes that read images, a training process.

    Raises:
        ContaError: a loss that is not finite, with its step and images.
        SystemExit: status 143: SIGTERM came; the state was kept.
    """
    loop = _Loop(objective, groups, images, schedule, what, Checkpoint(files.checkpoint, key))
    training_log = TrainingLog(what, files.tensorboard)
    drawn = files.tensorboard is not None and processes.is_first()
    previews = Previews(objective, images) if drawn else None
    with noticed() as interruption:
        loop.run(training_log, previews, interruption, workers)
    training_log.end()


class _Loop:
    """The state of a training, and its steps."""

    def __init__(
        self,
        objective: Objective,
        groups: Sequence[dict[str, Any]],
        images: ViewedImages,
        schedule: Schedule,
        what: str,
        checkpoint: Checkpoint,
    ) -> None:
        settings = schedule.settings
        self.objective, self.images, self.schedule, self.what = objective, images, schedule, what
        self.settings: TrainingSettings = settings
        self.device = next(objective.parameters()).device
        self.optimizer = torch.optim.SGD(
            [group for group in groups if group["params"]], lr=0.0, momentum=settings.momentum
        )
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=settings.precision == "float16"
        )
        self.checkpoint = checkpoint
        self.parts = {
            "objective": objective,
            "optimizer": self.optimizer,
            "scaler": self.scaler,
        }

    def run(
        self,
        training_log: TrainingLog,
        previews: Previews | None,
        interruption: Interruption,
        workers: int,
    ) -> None:
        """From the state kept, or from the start, to the last step."""
        done, noted = self.checkpoint.restore(self.parts)
        if noted is not None:
            training_log.restore(noted)
        accumulate, steps = self.settings.accumulate, self.schedule.steps
        network = _shared(self.objective)
        data = batches(
            self.images,
            self.objective.frozen,
            self.schedule.passes(),
            views=self.settings.views,
            start=done * accumulate,
            device=self.device,
            workers=workers,
        )
        kept = time.monotonic()
        losses: list[float] = []
        for batch in track(
            data, steps * accumulate, self.what, LOGGER, "passes", done * accumulate
        ):
            last = len(losses) == accumulate - 1
            if not losses:
                self._set_rates(done)
            loss, asked = self._backward(network, batch, done, last, interruption)
            losses.append(loss)
            if not last:
                continue
            self._update()
            rates = [group["lr"] for group in self.optimizer.param_groups]
            training_log.step(done, batch.epoch, sum(losses) / accumulate, rates)
            losses, done = [], done + 1
            if (
                previews is not None
                and self.schedule.ends_epoch(done)
                and previews.due(last=done == steps)
            ):
                training_log.pictures(done - 1, previews.draw())
            if done < steps and (asked or time.monotonic() - kept > CHECKPOINT_INTERVAL):
                kept = time.monotonic()
                self.checkpoint.save(done, self.parts, training_log.state())
            if asked and done < steps:
                LOGGER.warning("%s: SIGTERM came; ends after step %d of %d", self.what, done, steps)
                raise SystemExit(EXIT_STATUS)

    def _set_rates(self, step: int) -> None:
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * self.schedule.rate(step)

    def _backward(
        self, network: nn.Module, batch: Batch, step: int, last: bool, interruption: Interruption
    ) -> tuple[float, bool]:
        """Add a pass's gradient; its loss, and whether any process was asked to end."""
        dtype = DTYPES.get(self.settings.precision)
        cast = torch.autocast(self.device.type, dtype) if dtype else nullcontext()
        with _synchronised(network, last):
            with cast:
                sums, counts = network(batch.features, batch.targets)
            share = float(batch.counts)
            asked = counts.new_tensor([float(interruption.asked)])
            totals = processes.sum_over_processes(torch.cat([counts * share, asked]))
            loss = self.objective.loss(sums.float() * share, totals[:-1])
            value = float(processes.sum_over_processes(loss))
            self._require_finite(value, batch, step)
            # distributed data parallel takes the mean over the processes of what is a sum
            scaled = loss * (processes.count() / self.settings.accumulate)
            self.scaler.scale(scaled).backward()
        return value, bool(totals[-1] > 0)

    def _update(self) -> None:
        clip = self.settings.gradient_clip
        if clip is not None:
            self.scaler.unscale_(self.optimizer)
            learned = [p for group in self.optimizer.param_groups for p in group["params"]]
            torch.nn.utils.clip_grad_norm_(learned, clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)

    def _require_finite(self, loss: float, batch: Batch, step: int) -> None:
        if not math.isfinite(loss):
            names = [self.images.ids[index] for index in batch.whole]
            raise ContaError(
                f"{self.what}: the loss is {loss} at step {step} of {self.schedule.steps} on the "
                f"images {names}; lower the learning rate or look at these images"
            )


def _shared(objective: Objective) -> nn.Module:
    """The objective whose gradients are summed over the processes, where there are several."""
    if processes.count() == 1:
        return objective
    return DistributedDataParallel(objective, forward_sync_buffers=False)


def _synchronised(network: nn.Module, last: bool) -> AbstractContextManager[None]:
    """Only the last pass of a step sums the gradients over the processes."""
    if isinstance(network, DistributedDataParallel) and not last:
        return network.no_sync()
    return nullcontext()
