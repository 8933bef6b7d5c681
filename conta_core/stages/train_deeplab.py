"""Train the segmentation model of a round on its pseudo-masks (DeepLab v2 with MSC)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.causal.methods import CausalInputs, method_of
from conta_core.data.manifest import Manifest
from conta_core.data.masks import IGNORE, read_label_png, require_masks, voc_palette
from conta_core.networks.deeplab import DeepLab
from conta_core.settings import DeeplabV2Settings
from conta_core.training import processes
from conta_core.training.batch_norms import prepare_batch_norms
from conta_core.training.files import NO_FILES, TrainingFiles
from conta_core.training.model_training import ModelTraining
from conta_core.training.objective import Objective, learning
from conta_core.training.views import ViewedImages

LOGGER = logging.getLogger(__name__)


@processes.in_processes
def train_deeplab(
    *,
    manifest: str,
    pseudo_masks: str,
    causal: CausalInputs,
    output: str,
    settings: DeeplabV2Settings,
    seed: int,
    round_index: int,
    threads: int,
    files: TrainingFiles = NO_FILES,
) -> None:
    """Minimise the sum of the cross-entropies of every scale and of their maximum.

    Under method intervention a share of the views are objects of the round's pseudo-masks in
    another image's context (docs/method.md, "The intervention").

    Args:
        manifest: path of dataset.json.
        pseudo_masks: folder of <id>.png.
        causal: what the method changes of the views.
        output: path of the model file.
        settings: of the segmentation model.
        seed: of the experiment.
        round_index: the round.
        threads: CPU threads, of all processes together.
        files: what the training writes beside the model.
    """
    training = ModelTraining(
        "train_deeplab",
        train_deeplab,
        settings,
        seed=seed,
        round_index=round_index,
        threads=threads,
        files=files,
    )
    data = Manifest.load(manifest)
    ids = data.ids("train")
    require_masks(pseudo_masks, ids)
    architecture = training.architecture(
        aspp_rates=list(settings.aspp_rates), scales=list(settings.scales)
    )
    model = DeepLab(len(data.classes), **architecture).to(training.device)
    model = prepare_batch_norms(model, model.backbone, settings.batch_norm, settings.frozen_blocks)
    shares = None
    if settings.class_balanced:
        shares = class_weights(pseudo_masks, ids, len(data.class_names))
    objective = MscObjective(model, settings.frozen_blocks, shares)
    method = method_of(causal.settings, round_index)
    prepared = method.prepare_segmentation(causal, data, ids, training.draws, pseudo_masks)
    images = ViewedImages(
        data,
        ids,
        settings=settings,
        seed=training.draws,
        fill=model.backbone.fill,
        labels=lambda image_id: read_label_png(Path(pseudo_masks) / f"{image_id}.png"),
        **prepared.views,
    )
    training.run(
        "DeepLab",
        objective,
        _groups(model, settings),
        images,
        inputs=[manifest, pseudo_masks, *causal.files.values()],
        workers=training.readers,
        context=causal.settings,
    )
    training.keep(output, model, "deeplab", data.classes, architecture)


class MscObjective(Objective):
    """The sum of the cross-entropies of every scale and of their maximum.

    Args:
        model: the segmentation model.
        frozen_blocks: blocks 1..k keep their weights.
        class_weights: (n + 1,); None: every class weighs 1.
    """

    previewed = "masks"

    def __init__(self, model: DeepLab, frozen_blocks: int, class_weights: Tensor | None) -> None:
        super().__init__()
        self.model = model
        self.weights = (1.0,) * (len(model.scales) + 2)
        self._first = frozen_blocks + 1
        self._class_weights = class_weights
        model.backbone.freeze(frozen_blocks)

    def frozen(self, images: Tensor) -> list[Tensor]:
        """The last frozen block's output at every scale."""
        backbone = self.model.backbone
        pyramid = self.model.pyramid(backbone.normalise(images))
        return [backbone(x, last=self._first - 1)[-1] if self._first > 1 else x for x in pyramid]

    def forward(self, features: list[Tensor], targets: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """The cross-entropies' sums over pixels and their counts, by output."""
        return msc_terms(self._outputs(features), targets["labels"], self._class_weights)

    def preview(self, images: Tensor, targets: Mapping[str, Tensor]) -> list[list[np.ndarray]]:
        """The pseudo-mask and the predicted mask in VOC's palette."""
        logits = self._outputs(self.frozen(images))[-1]
        sharp = F.interpolate(logits, images.shape[-2:], mode="bilinear", align_corners=False)
        palette = voc_palette()
        both = (targets["labels"].cpu().numpy(), sharp.argmax(dim=1).cpu().numpy())
        return [[palette[mask], palette[own]] for mask, own in zip(*both, strict=True)]

    def _outputs(self, features: list[Tensor]) -> list[Tensor]:
        """Logits of each scale, and their maximum."""
        last = [(self.model.backbone(x, first=self._first) or [x])[-1] for x in features]
        return self.model.combine([self.model.aspp(x) for x in last])


def msc_terms(
    outputs: Sequence[Tensor], labels: Tensor, class_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Of every output the sum of the cross-entropies with the labels at its size, and the count.

    Args:
        outputs: logits (B, n + 1, h, w) of each scale, and their maximum: k of them.
        labels: uint8 (B, H, W), 255 ignored; resized by nearest.
        class_weights: (n + 1,); they weigh the sums and the counts.

    Returns:
        Sums and counts, (k,) each.
    """
    weights = class_weights.to(labels.device) if class_weights is not None else None
    sums, counts = [], []
    for logits in outputs:
        small = F.interpolate(labels[:, None].float(), logits.shape[-2:], mode="nearest")
        target = small[:, 0].long()
        sums.append(_cross_entropy(logits.float(), target, weights))
        known = target[target != IGNORE]
        counts.append((weights[known] if weights is not None else known.new_ones(len(known))).sum())
    return torch.stack(sums), torch.stack(counts).float()


def _cross_entropy(logits: Tensor, target: Tensor, weights: Tensor | None) -> Tensor:
    """The sum over the pixels of logits (B, n + 1, h, w) whose target (B, h, w) is known."""
    if logits.is_cuda:
        # over maps CUDA adds in any order, over rows always in the same
        logits, target = logits.movedim(1, -1).flatten(0, -2), target.flatten()
    return F.cross_entropy(logits, target, weights, ignore_index=IGNORE, reduction="sum")


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


def _groups(model: DeepLab, settings: DeeplabV2Settings) -> list[dict[str, Any]]:
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
    return [
        {"params": learning(convolutions), "lr": rate, "weight_decay": decay},
        {"params": [b.weight for b in aspp], "lr": fast, "weight_decay": decay},
        {"params": [b.bias for b in aspp], "lr": 2 * fast, "weight_decay": 0.0},
    ]
