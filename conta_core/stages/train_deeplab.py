"""Train the segmentation model of a round on its pseudo-masks (DeepLab v2 with MSC)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.device import configure_threads, select_device
from conta_core.manifest import Manifest
from conta_core.masks import IGNORE, read_label_png, require_masks
from conta_core.networks.deeplab import DeepLab
from conta_core.seeding import derive_seed
from conta_core.settings import SegmentationSettings
from conta_core.training.engine import learning, train
from conta_core.training.frozen_features import Batch, batches, steps_of
from conta_core.training.views import ViewedImages
from conta_core.weights import save_model

LOGGER = logging.getLogger(__name__)


def train_deeplab(
    *,
    manifest: str,
    pseudo_masks: str,
    output: str,
    settings: SegmentationSettings,
    seed: int,
    round_index: int,
    threads: int,
) -> None:
    """Minimise the sum of the cross-entropies of every scale and of their maximum.

    Args:
        manifest: path of dataset.json.
        pseudo_masks: folder of <id>.png.
        output: path of the model file.
        settings: of the segmentation model.
        seed: of the experiment.
        round_index: the round.
        threads: CPU threads.
    """
    configure_threads(threads)
    device = select_device()
    data = Manifest.load(manifest)
    ids = data.ids("train")
    require_masks(pseudo_masks, ids)
    architecture: dict[str, Any] = {
        "backbone": settings.backbone,
        "weights": settings.weights,
        "output_stride": settings.output_stride,
        "aspp_rates": list(settings.aspp_rates),
        "scales": list(settings.scales),
        "seed": derive_seed(seed, round_index, "train_deeplab", "weights"),
    }
    model = DeepLab(len(data.classes), **architecture).to(device)
    model.backbone.freeze(settings.frozen_blocks)
    model.train()
    torch.manual_seed(derive_seed(seed, round_index, "train_deeplab", "dropout"))
    first = settings.frozen_blocks + 1
    weights = None
    if settings.class_balanced:
        weights = class_weights(pseudo_masks, ids, len(data.class_names)).to(device)

    def frozen(images: Tensor) -> list[Tensor]:
        pyramid = model.pyramid(model.backbone.normalise(images))
        return [model.backbone(x, last=first - 1)[-1] if first > 1 else x for x in pyramid]

    def loss_of(batch: Batch) -> Tensor:
        features = [(model.backbone(x, first=first) or [x])[-1] for x in batch.features]
        outputs = model.combine([model.aspp(x) for x in features])
        return msc_loss(outputs, batch.targets["labels"], weights)

    draws = (seed, round_index, "train_deeplab")
    images = ViewedImages(
        data,
        ids,
        resize=settings.resize,
        crop=settings.crop,
        seed=draws,
        fill=round(255 * sum(model.backbone.mean) / 3),
        labels=lambda image_id: read_label_png(Path(pseudo_masks) / f"{image_id}.png"),
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
    train(
        steps,
        loss_of,
        _groups(model, settings),
        momentum=settings.momentum,
        total=steps_of(len(ids), settings.batch_size, settings.epochs),
        what="DeepLab",
        ids=ids,
        clip=settings.gradient_clip,
    )
    save_model(output, model, "deeplab", data.classes, architecture)


def msc_loss(outputs: Sequence[Tensor], labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sum over the outputs of the cross-entropy with the labels at each one's size.

    Args:
        outputs: logits (B, n + 1, h, w) of each scale, and their maximum.
        labels: uint8 (B, H, W), 255 ignored; resized by nearest.
        weights: of the classes, (n + 1,).
    """
    total = 0.0 * outputs[0].sum()  # a batch without one labelled pixel has a gradient of zero
    for logits in outputs:
        small = F.interpolate(labels[:, None].float(), logits.shape[-2:], mode="nearest")
        target = small[:, 0].long()
        if bool((target != IGNORE).any()):
            total = total + F.cross_entropy(logits, target, weights, ignore_index=IGNORE)
    return total


def class_weights(folder: str, ids: Sequence[str], count: int) -> Tensor:
    """Inverse square root of each class's share of pixels, mean 1 over the classes that occur."""
    pixels = np.zeros(256, dtype=np.int64)
    for image_id in ids:
        pixels += np.bincount(
            read_label_png(Path(folder) / f"{image_id}.png").ravel(), minlength=256
        )
    occurs = pixels[:count] > 0
    if not occurs.any():
        return torch.ones(count)
    weights = np.where(occurs, 1 / np.sqrt(np.maximum(pixels[:count], 1)), 0.0)
    return torch.tensor(weights / weights[occurs].mean(), dtype=torch.float32)


def _groups(model: DeepLab, settings: SegmentationSettings) -> list[dict[str, object]]:
    """Backbone convolutions 1x, ASPP weights 10x, biases 20x without decay (the paper's factor)."""
    rate, decay = settings.learning_rate, settings.weight_decay
    fast = rate * settings.head_factor
    convolutions = [
        parameter
        for module in model.backbone.modules()
        if isinstance(module, nn.Conv2d)
        for parameter in module.parameters()
    ]
    aspp = list(model.aspp.branches)
    groups = [
        {"params": learning(convolutions), "lr": rate, "weight_decay": decay},
        {"params": [b.weight for b in aspp], "lr": fast, "weight_decay": decay},
        {"params": [b.bias for b in aspp], "lr": 2 * fast, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
