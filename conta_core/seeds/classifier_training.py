"""How the CAM classifier is trained: loss, frozen features, learning rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from conta_core.networks.cam_net import CamNet
from conta_core.seeds.base import SeedTraining
from conta_core.training.objective import Objective, learning
from conta_core.training.previews import heat_over

#: a drawn map whose maximum is below it is drawn as flat
FLAT = 1e-5


class ClassifierTraining(SeedTraining):
    """Minimises the multilabel soft margin loss (CONTA, section 3.3, step 1)."""

    kind = "cam"

    @staticmethod
    def network(class_count: int, architecture: Mapping[str, Any]) -> CamNet:
        """The new network."""
        return CamNet(class_count, **architecture)

    @staticmethod
    def objective(model: CamNet, settings: Any) -> Objective:
        """The multilabel soft margin loss."""
        return CamObjective(model, settings.frozen_blocks)

    @staticmethod
    def groups(model: CamNet, settings: Any) -> list[dict[str, Any]]:
        """The backbone 1x; what is new, the head and the context's weights, faster."""
        base, decay = settings.learning_rate, settings.weight_decay
        fast = [*model.classifier.parameters(), *model.backbone.context_inputs.parameters()]
        if model.attention is not None:
            fast += model.attention.parameters()
        slow = learning(model.backbone.blocks.parameters())
        return [
            {"params": fast, "lr": base * settings.head_factor, "weight_decay": decay},
            {"params": slow, "lr": base, "weight_decay": decay},
        ]


class CamObjective(Objective):
    """The multilabel soft margin loss of the classifier.

    Args:
        model: the classifier.
        frozen_blocks: blocks 1..k keep their weights.
    """

    weights: Sequence[float] = (1.0,)
    previewed = "CAMs"

    def __init__(self, model: CamNet, frozen_blocks: int) -> None:
        super().__init__()
        self.model = model
        model.backbone.freeze(frozen_blocks)
        self._first = model.backbone.first_changing_block(frozen_blocks)

    def frozen(self, images: Tensor) -> list[Tensor]:
        """The state before the first block that changes."""
        backbone = self.model.backbone
        return backbone.final_state(backbone.normalise(images), last=self._first - 1)

    def forward(self, features: list[Tensor], targets: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """The losses of the images, and how many there are."""
        losses = self._margins(self.model.classify(self._last(features, targets)).float(), targets)
        return losses.sum()[None], losses.new_tensor([len(losses)])

    def preview(self, images: Tensor, targets: Mapping[str, Tensor]) -> list[list[np.ndarray]]:
        """The CAM of each of an image's tags, at one scale, over its maximum."""
        maps = self.model.class_maps(self._last(self.frozen(images), targets))
        maps = maps / maps.amax(dim=(2, 3), keepdim=True).clamp_min(FLAT)
        return [
            [heat_over(image, own[index]) for index in tags.nonzero().flatten().tolist()]
            for image, own, tags in zip(images, maps, targets["tags"], strict=True)
        ]

    def _margins(self, logits: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
        """The multilabel soft margin losses of logits (B, n), (B,)."""
        return F.multilabel_soft_margin_loss(
            logits, targets["tags"], targets.get("counted"), reduction="none"
        )

    def _last(self, features: list[Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """The last block's output."""
        context = self.model.read_context(targets.get("context"), targets.get("query"))
        blocks = self.model.backbone(features, context, first=self._first)
        return blocks[-1] if blocks else features[0]
