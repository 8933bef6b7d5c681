"""The training loop: SGD with a poly schedule over the steps."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from conta_core.errors import ContaError
from conta_core.progress import track
from conta_core.training.frozen_features import Batch

LOGGER = logging.getLogger(__name__)
POWER = 0.9


def train(
    steps: Iterable[Batch],
    loss_of: Callable[[Batch], Tensor],
    groups: Sequence[dict[str, Any]],
    *,
    momentum: float,
    total: int,
    what: str,
    ids: Sequence[str],
    clip: float | None = None,
) -> float:
    """Minimise a loss over the batches.

    Args:
        steps: the batches.
        loss_of: the loss of a batch, a scalar.
        groups: parameter groups of SGD, each with its own ``lr`` and ``weight_decay``; the
            learning rate falls as lr (1 - step / total)^0.9 (IRNet, DeepLab).
        momentum: of SGD.
        total: how many batches there are.
        what: names the training in the log.
        ids: image ids by index, to name them in an error.
        clip: greatest norm of a step's whole gradient; None: no limit.

    Returns:
        Mean loss of the last epoch.

    Raises:
        ContaError: a loss that is not finite, with its step and images.
    """
    optimizer = torch.optim.SGD(groups, momentum=momentum)
    learned = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    rates = [group["lr"] for group in optimizer.param_groups]
    epoch, losses = 0, list[float]()
    for step, batch in enumerate(track(steps, total, what, LOGGER, "steps")):
        if batch.epoch != epoch:
            LOGGER.info("%s: epoch %d: loss %.4f", what, epoch + 1, sum(losses) / len(losses))
            epoch, losses = batch.epoch, []
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * (1 - step / total) ** POWER
        loss = loss_of(batch)
        value = float(loss.detach())
        if not math.isfinite(value):
            names = [ids[int(i)] for i in batch.indices]
            raise ContaError(
                f"{what}: the loss is {value} at step {step} of {total} on the images {names}; "
                "lower the learning rate or look at these images"
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(learned, clip)
        optimizer.step()
        losses.append(value)
    mean = sum(losses) / max(1, len(losses))
    LOGGER.info("%s: epoch %d: loss %.4f", what, epoch + 1, mean)
    return mean


def learning(parameters: Iterable[torch.nn.Parameter]) -> list[torch.nn.Parameter]:
    """Those of the parameters that learn."""
    return [parameter for parameter in parameters if parameter.requires_grad]
