"""How ReCAM's network is trained: the classifier's loss and a softmax over each of its classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.networks.recam_net import RECAM_KIND, RecamNet
from conta_core.seeds.base import SeedTraining
from conta_core.seeds.classifier_training import CamObjective
from conta_core.training.objective import Objective, learning


class RecamTraining(SeedTraining):
    """Minimises the multilabel soft margin loss and the softmax loss (ReCAM, section 3.2)."""

    kind = RECAM_KIND
    what = "ReCAM"

    @staticmethod
    def network(class_count: int, architecture: Mapping[str, Any]) -> RecamNet:
        """The new network."""
        return RecamNet(class_count, **architecture)

    @staticmethod
    def objective(model: RecamNet, settings: Any) -> Objective:
        """Both losses, the second one with ``settings.recam_weight``."""
        return RecamObjective(model, settings.frozen_blocks, settings.recam_weight)

    @staticmethod
    def groups(model: RecamNet, settings: Any) -> list[dict[str, Any]]:
        """The second classifier learns at its own rate; all else that learns at another one."""
        decay = settings.weight_decay
        own = {id(parameter) for parameter in model.recam.parameters()}
        others = [one for one in learning(model.parameters()) if id(one) not in own]
        return [
            {
                "params": list(model.recam.parameters()),
                "lr": settings.recam_head_learning_rate,
                "weight_decay": decay,
            },
            {"params": others, "lr": settings.learning_rate, "weight_decay": decay},
        ]


class RecamObjective(CamObjective):
    """The classifier's loss and the softmax loss.

    Args:
        model: the network.
        frozen_blocks: blocks 1..k keep their weights.
        weight: of the softmax loss.
    """

    model: RecamNet

    def __init__(self, model: RecamNet, frozen_blocks: int, weight: float) -> None:
        super().__init__(model, frozen_blocks)
        self.weights = (1.0, weight)

    def forward(self, features: list[Tensor], targets: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """The losses of the images, both kinds, and how many images there are."""
        last = self._last(features, targets)
        losses = self._margins(self.model.classify(last).float(), targets)
        logits = self.model.of_classes(last)
        softmax = softmax_loss(logits, targets["tags"], targets.get("counted"))
        return torch.stack([losses.sum(), softmax]), losses.new_tensor([len(losses)] * 2)


def softmax_loss(logits: Tensor, tags: Tensor, counted: Tensor | None = None) -> Tensor:
    """The sum over images of the mean cross-entropy of their classes (ReCAM, equation 5).

    Args:
        logits: (B, n, n), of the features of each class.
        tags: (B, n), 1 for the image's classes.
        counted: what the loss of each class counts, (B, n), as in the first classifier's loss. A
            class that counts 0 does not belong to the image here. None: each counts 1.

    Returns:
        A scalar; an image without a class adds 0.
    """
    count = logits.shape[1]
    own = torch.arange(count, device=logits.device).expand(len(logits), count)
    losses = F.cross_entropy(logits.flatten(0, 1), own.flatten(), reduction="none").view_as(own)
    weights = tags if counted is None else tags * counted
    return ((losses * weights).sum(dim=1) / (weights > 0).sum(dim=1).clamp_min(1)).sum()
