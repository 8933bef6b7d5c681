"""Train the CAM classifier of a round (CONTA, section 3.3, step 1)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.context_maps import ContextMaps
from conta_core.device import configure_threads, select_device
from conta_core.manifest import Manifest
from conta_core.networks.cam_net import CamNet
from conta_core.seeding import derive_seed
from conta_core.settings import CamSettings, ContextSettings
from conta_core.training.engine import learning, train
from conta_core.training.frozen_features import Batch, batches, steps_of
from conta_core.training.views import ViewedImages
from conta_core.weights import save_model


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
        threads: CPU threads.
    """
    configure_threads(threads)
    device = select_device()
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
    model = CamNet(len(data.classes), **architecture).to(device)
    model.backbone.freeze(settings.frozen_blocks)
    model.train()
    torch.manual_seed(derive_seed(seed, round_index, "train_cam", "dropout"))
    first = model.backbone.first_changing_block(settings.frozen_blocks)

    def frozen(images: Tensor) -> list[Tensor]:
        normalised = model.backbone.normalise(images)
        return model.backbone(normalised, last=first - 1)[-1:] if first > 1 else [normalised]

    def loss_of(batch: Batch) -> Tensor:
        features = model.backbone(batch.features[0], batch.targets.get("context"), first=first)
        logits = model.classify(features[-1] if features else batch.features[0])
        return F.multilabel_soft_margin_loss(logits, batch.targets["tags"])

    draws = (seed, round_index, "train_cam")
    images = ViewedImages(
        data,
        ids,
        resize=settings.resize,
        crop=settings.crop,
        seed=draws,
        fill=round(255 * sum(model.backbone.mean) / 3),
        context=maps.__getitem__ if maps else None,
    )
    steps = batches(
        images,
        frozen,
        views=settings.views,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        seed=draws,
        device=device,
        workers=max(0, threads - 2),
    )
    fast = [*model.classifier.parameters(), *model.backbone.context_inputs.parameters()]
    base, decay = settings.learning_rate, settings.weight_decay
    groups = [
        {"params": fast, "lr": base * settings.head_factor, "weight_decay": decay},
        {"params": learning(model.backbone.blocks.parameters()), "lr": base, "weight_decay": decay},
    ]
    train(
        steps,
        loss_of,
        [group for group in groups if group["params"]],
        momentum=settings.momentum,
        total=steps_of(len(ids), settings.batch_size, settings.epochs),
        what="CAM classifier",
        ids=ids,
    )
    save_model(output, model, "cam", data.classes, architecture)
