"""Train the segmentation model of a round on its pseudo-masks, at several input scales (MSC)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.causal.methods import CausalInputs, method_of
from conta_core.data.manifest import Manifest
from conta_core.data.mask_folder import mask_reader, require_masks
from conta_core.images.masks import IGNORE, voc_palette
from conta_core.networks.segmenters.base import SegmentationNetwork
from conta_core.networks.segmenters.files import description
from conta_core.settings import SegmentationSettings
from conta_core.settings.choices import SEGMENTATION_NETWORKS
from conta_core.training import processes
from conta_core.training.batch_norms import prepare_batch_norms
from conta_core.training.files import NO_FILES, TrainingFiles
from conta_core.training.model_training import ModelTraining
from conta_core.training.objective import Objective
from conta_core.training.views import ViewedImages

LOGGER = logging.getLogger(__name__)


@processes.in_processes
def train_deeplab(
    *,
    manifest: str,
    pseudo_masks: str,
    causal: CausalInputs,
    output: str,
    settings: SegmentationSettings,
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
    read = mask_reader(pseudo_masks, data)
    network: type[SegmentationNetwork] = SEGMENTATION_NETWORKS[settings.network].load_code()
    own = settings.model_dump(mode="json", include={*network.keys, "scales"})
    architecture = training.architecture(**own)
    model = network(len(data.classes), **architecture).to(training.device)
    model = prepare_batch_norms(model, model.backbone, settings.batch_norm, settings.frozen_blocks)
    shares = None
    if settings.class_balanced:
        shares = class_weights(map(read, ids), len(data.class_names))
    objective = MscObjective(model, settings.frozen_blocks, shares)
    method = method_of(causal.settings, round_index)
    prepared = method.prepare_segmentation(causal, data, ids, training.draws, pseudo_masks)
    images = ViewedImages(
        data,
        ids,
        settings=settings,
        seed=training.draws,
        fill=model.backbone.fill,
        labels=read,
        **prepared.views,
    )
    training.run(
        "segmentation model",
        objective,
        model.groups(settings),
        images,
        inputs=[manifest, pseudo_masks, *causal.files.values()],
        workers=training.readers,
        context=causal.settings,
    )
    kind, described = description(settings.network, architecture)
    training.keep(output, model, kind, data.classes, described)


class MscObjective(Objective):
    """The sum of the cross-entropies of every scale and of their maximum.

    Args:
        model: the segmentation model.
        frozen_blocks: blocks 1..k keep their weights.
        class_weights: (n + 1,); None: every class weighs 1.
    """

    previewed = "masks"

    def __init__(
        self, model: SegmentationNetwork, frozen_blocks: int, class_weights: Tensor | None
    ) -> None:
        super().__init__()
        self.model = model
        self.weights = (1.0,) * (len(model.scales) + 2)
        self._first = frozen_blocks + 1
        self._class_weights = class_weights
        model.backbone.freeze(frozen_blocks)

    def frozen(self, images: Tensor) -> list[Tensor]:
        """What the head and the learning blocks need of the frozen ones, at every scale."""
        pyramid = self.model.pyramid(self.model.backbone.normalise(images))
        return [part for x in pyramid for part in self.model.frozen(x, self._first)]

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
        count = len(features) // (len(self.model.scales) + 1)
        scales = [features[i : i + count] for i in range(0, len(features), count)]
        return self.model.combine([self.model.logits(one, self._first) for one in scales])


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


def class_weights(masks: Iterable[np.ndarray], count: int) -> Tensor:
    """Inverse square root of each class's share of pixels, mean 1 over the classes that occur."""
    pixels = np.zeros(256, dtype=np.int64)
    for labels in masks:
        pixels += np.bincount(labels.ravel(), minlength=256)
    occurs = pixels[:count] > 0
    if not occurs.any():
        return torch.ones(count)
    weights = np.where(occurs, 1 / np.sqrt(np.maximum(pixels[:count], 1)), 0.0)
    return torch.tensor(weights / weights[occurs].mean(), dtype=torch.float32)
