"""How SEAM's network is trained: a shared network on two views (Wang et al., CVPR 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from conta_core.networks.backbones.taps import run_frozen, run_rest
from conta_core.networks.pixel_correlation import resize
from conta_core.networks.seam_net import SEAM_KIND, TAPS, SeamNet
from conta_core.seeds.base import SeedTraining
from conta_core.seeds.seam_losses import BranchMaps, normalised, seam_losses
from conta_core.training.colour_jitter import ColourJitter
from conta_core.training.objective import Objective, learning
from conta_core.training.previews import heat_over


class SeamTraining(SeedTraining):
    """Minimises the classification, minimum, ER and ECR losses of an image and its small view."""

    kind = SEAM_KIND
    what = "SEAM"

    @staticmethod
    def network(class_count: int, architecture: Mapping[str, Any]) -> SeamNet:
        """The new network."""
        return SeamNet(class_count, **architecture)

    @staticmethod
    def objective(model: SeamNet, settings: Any) -> Objective:
        """The weighted sum of the four losses."""
        return SeamObjective(model, settings)

    @staticmethod
    def groups(model: SeamNet, settings: Any) -> list[dict[str, Any]]:
        """The backbone 1x, what is new faster; biases twice as fast, without decay."""
        rate, decay = settings.learning_rate, settings.weight_decay
        fast = rate * settings.head_factor
        pretrained = {id(parameter) for parameter in model.backbone.blocks.parameters()}
        new = [p for p in learning(model.parameters()) if id(p) not in pretrained]
        old = model.backbone.trainable(settings.batch_norm)
        biases = {
            id(parameter)
            for name, parameter in model.named_parameters()
            if name.rpartition(".")[2] == "bias"
        }
        return [
            {
                "params": [p for p in parameters if (id(p) in biases) == of_biases],
                "lr": 2 * own if of_biases else own,
                "weight_decay": 0.0 if of_biases else decay,
            }
            for parameters, own in ((old, rate), (new, fast))
            for of_biases in (False, True)
        ]

    @staticmethod
    def views(settings: Any) -> dict[str, Any]:
        """The colours of a view are changed by chance."""
        jitter = settings.colour_jitter
        return {} if jitter is None else {"recolour": ColourJitter(*jitter)}


class SeamObjective(Objective):
    """The losses of SEAM's two branches, which share the network.

    Args:
        model: the network.
        settings: :class:`~conta_core.settings.seam.SeamSettings`.
    """

    previewed = "CAMs"

    def __init__(self, model: SeamNet, settings: Any) -> None:
        super().__init__()
        self.model = model
        self.weights = (1.0, settings.min_weight, settings.er_weight, settings.ecr_weight)
        model.dropout.p = settings.dropout
        model.backbone.freeze(settings.frozen_blocks)
        self._first = model.backbone.first_changing_block(settings.frozen_blocks)
        sides = (settings.crop, max(1, int(settings.crop * settings.second_scale)))
        self._branches = [_Branch(model, side, self._first) for side in sides]

    def frozen(self, images: Tensor) -> list[Tensor]:
        """Of both views the pixels at the size of the maps, and what the frozen blocks give."""
        whole = self.model.backbone.normalise(images)
        return [part for branch in self._branches for part in branch.frozen(whole)]

    def forward(self, features: list[Tensor], targets: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """The four losses summed over the images, and how many there are."""
        context = self.model.read_context(targets.get("context"), targets.get("query"))
        count = self._branches[0].parts
        whole, small = (
            branch.maps(part, context)
            for branch, part in zip(
                self._branches, (features[:count], features[count:]), strict=True
            )
        )
        losses = seam_losses(whole, small, targets["tags"], targets.get("counted"))
        return losses.sum(dim=1), losses.new_full((len(losses),), losses.shape[1])

    def preview(self, images: Tensor, targets: Mapping[str, Tensor]) -> list[list[np.ndarray]]:
        """The refined map of each of an image's tags, at one scale, from least to greatest."""
        context = self.model.read_context(targets.get("context"), targets.get("query"))
        refined = self._branches[0].maps(self.frozen(images), context).refined
        return [
            [heat_over(image, own[index]) for index in tags.nonzero().flatten().tolist()]
            for image, own, tags in zip(
                images, normalised(refined[:, 1:]), targets["tags"], strict=True
            )
        ]


class _Branch:
    """One view of the square crops.

    Args:
        model: the network, its backbone frozen as it will be.
        side: of the view, pixels.
        first: the first block that training can change.

    Attributes:
        parts: how many tensors :meth:`frozen` gives.
    """

    def __init__(self, model: SeamNet, side: int, first: int) -> None:
        self._model, self._side, self._first = model, (side, side), first
        self._grid, self.parts = self._measure()

    @torch.no_grad()
    def _measure(self) -> tuple[tuple[int, int], int]:
        """The size of the maps, and the number of tensors, of an image of zeros."""
        backbone = self._model.backbone
        mode = backbone.training
        backbone.eval()  # it draws and learns nothing
        image = torch.zeros(1, 3, *self._side, device=next(backbone.parameters()).device)
        parts = 1 + len(run_frozen(backbone, TAPS, image, self._first))
        state = [image]
        for number in range(1, len(backbone.blocks) + 1):
            state = backbone.run(number, state[0], state[1:])
        backbone.train(mode)
        height, width = state[0].shape[-2:]
        return (height, width), parts

    def frozen(self, images: Tensor) -> list[Tensor]:
        """The pixels at the size of the maps, and what the frozen blocks give.

        Args:
            images: normalised, at scale 1.
        """
        view = resize(images, self._side)
        frozen = run_frozen(self._model.backbone, TAPS, view, self._first)
        return [resize(view, self._grid), *frozen]

    def maps(self, features: list[Tensor], context: Tensor | None) -> BranchMaps:
        """The maps at the size of the view, from what :meth:`frozen` gave."""
        pixels, *frozen = features
        taps = run_rest(self._model.backbone, TAPS, frozen, self._first, context)
        cams, refined = self._model.maps(pixels, taps)
        return BranchMaps(resize(cams.float(), self._side), resize(refined, self._side))
