"""Train the CAM classifier of a round (CONTA, section 3.3, step 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.context_maps import ContextMaps
from conta_core.device import configure_threads, select_device
from conta_core.manifest import Manifest
from conta_core.networks.cam_net import CamNet
from conta_core.resume_key import resume_key
from conta_core.seeding import derive_seed
from conta_core.settings import CamSettings, ContextSettings
from conta_core.training import processes
from conta_core.training.batch_norms import prepare_batch_norms
from conta_core.training.engine import train
from conta_core.training.files import NO_FILES, TrainingFiles
from conta_core.training.objective import Objective, learning
from conta_core.training.schedule import Schedule
from conta_core.training.views import ViewedImages
from conta_core.weights import save_model


@processes.in_processes
def train_cam(
    *,
    manifest: str,
    context: str | None,
    output: str,
    settings: CamSettings,
    context_settings: ContextSettings,
    seed: int,
    round_index: int,
    threads: int,
    files: TrainingFiles = NO_FILES,
) -> None:
    """Train s = f(X, M) with the multilabel soft margin loss.

    Args:
        manifest: path of dataset.json.
        context: path of the round before's context.h5; None: no context (round 0, or
            method none), the same work and the same draws otherwise.
        output: path of the model file.
        settings: of the classifier.
        context_settings: block and scaling of M.
        seed: of the experiment.
        round_index: the round.
        threads: CPU threads, of all processes together.
        files: what the training writes beside the model.
    """
    configure_threads(threads // processes.count())
    data = Manifest.load(manifest)
    ids = data.ids("train")
    maps = ContextMaps(context, context_settings.scaling, ids, data.classes) if context else None
    architecture: dict[str, Any] = {
        "backbone": settings.backbone,
        "weights": settings.weights,
        "output_stride": settings.output_stride,
        "context_block": context_settings.block if maps else None,
        "seed": derive_seed(seed, round_index, "train_cam", "weights"),
    }
    model = CamNet(len(data.classes), **architecture).to(select_device(processes.rank()))
    model = prepare_batch_norms(model, model.backbone, settings.batch_norm, settings.frozen_blocks)
    objective = CamObjective(model, settings.frozen_blocks)
    draws = (seed, round_index, "train_cam")
    torch.manual_seed(derive_seed(*draws, "dropout"))
    train(
        objective.train(),
        _groups(model, settings),
        ViewedImages(
            data,
            ids,
            settings=settings,
            seed=draws,
            fill=model.backbone.fill,
            context=maps.__getitem__ if maps else None,
        ),
        Schedule(len(ids), settings, draws),
        what="CAM classifier",
        key=resume_key(
            __file__,
            [manifest, context],
            settings=settings,
            context=context_settings if maps else None,
            draws=draws,
        ),
        files=files,
        workers=max(0, threads // processes.count() - 2),
    )
    if processes.is_first():
        save_model(output, model, "cam", data.classes, architecture)
    files.discard_checkpoint()


class CamObjective(Objective):
    """The multilabel soft margin loss of the classifier.

    Args:
        model: the classifier.
        frozen_blocks: blocks 1..k keep their weights.
    """

    weights = (1.0,)

    def __init__(self, model: CamNet, frozen_blocks: int) -> None:
        super().__init__()
        self.model = model
        model.backbone.freeze(frozen_blocks)
        self._first = model.backbone.first_changing_block(frozen_blocks)

    def frozen(self, images: Tensor) -> list[Tensor]:
        """The last block's output before the first that changes."""
        normalised = self.model.backbone.normalise(images)
        if self._first == 1:
            return [normalised]
        return self.model.backbone(normalised, last=self._first - 1)[-1:]

    def forward(self, features: list[Tensor], targets: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """The losses of the images, and how many there are."""
        blocks = self.model.backbone(features[0], targets.get("context"), first=self._first)
        logits = self.model.classify(blocks[-1] if blocks else features[0]).float()
        losses = F.multilabel_soft_margin_loss(logits, targets["tags"], reduction="none")
        return losses.sum()[None], losses.new_tensor([len(losses)])


def _groups(model: CamNet, settings: CamSettings) -> list[dict[str, Any]]:
    """The backbone 1x; what is new, the head and the context's weights, faster."""
    base, decay = settings.learning_rate, settings.weight_decay
    fast = [*model.classifier.parameters(), *model.backbone.context_inputs.parameters()]
    slow = learning(model.backbone.blocks.parameters())
    return [
        {"params": fast, "lr": base * settings.head_factor, "weight_decay": decay},
        {"params": slow, "lr": base, "weight_decay": decay},
    ]
