"""Train the CAM classifier of a round (CONTA, section 3.3, step 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from conta_core.causal.methods import CausalInputs, method_of
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.networks.cam_net import CamNet
from conta_core.settings import CamSettings
from conta_core.storage.model_files import load_tensors, read_metadata, require_classes
from conta_core.training import processes
from conta_core.training.batch_norms import prepare_batch_norms
from conta_core.training.files import NO_FILES, TrainingFiles
from conta_core.training.model_training import ModelTraining
from conta_core.training.objective import Objective, learning
from conta_core.training.previews import heat_over
from conta_core.training.views import ViewedImages

#: a drawn map whose maximum is below it is drawn as flat
FLAT = 1e-5


@processes.in_processes
def train_cam(
    *,
    manifest: str,
    causal: CausalInputs,
    output: str,
    settings: CamSettings,
    seed: int,
    round_index: int,
    threads: int,
    files: TrainingFiles = NO_FILES,
) -> None:
    """Train s = f(X, M) with the multilabel soft margin loss.

    Args:
        manifest: path of dataset.json.
        causal: what the classifier takes from the round before, which moves no draw of its own
            training. With ``initial_weights``, path of that round's segmentation model, its
            backbone begins from that one's, and not from ``settings.weights``.
        output: path of the model file.
        settings: of the classifier.
        seed: of the experiment.
        round_index: the round.
        threads: CPU threads, of all processes together.
        files: what the training writes beside the model.
    """
    training = ModelTraining(
        "train_cam",
        train_cam,
        settings,
        seed=seed,
        round_index=round_index,
        threads=threads,
        files=files,
    )
    data = Manifest.load(manifest)
    ids = data.ids("train")
    method = method_of(causal.settings, round_index)
    prepared = method.prepare_classifier(causal, data, ids, training.draws, training.device)
    architecture = training.architecture(**prepared.architecture)
    model = CamNet(len(data.classes), **architecture)
    if prepared.begin is not None:
        prepared.begin(model)
    if "initial_weights" in causal.files:
        begin_from(model, causal.files["initial_weights"], data.classes)
    model = model.to(training.device)
    model = prepare_batch_norms(model, model.backbone, settings.batch_norm, settings.frozen_blocks)
    objective = CamObjective(model, settings.frozen_blocks)
    images = ViewedImages(
        data,
        ids,
        settings=settings,
        seed=training.draws,
        fill=model.backbone.fill,
        **prepared.views,
    )
    training.run(
        "CAM classifier",
        objective,
        _groups(model, settings),
        images,
        inputs=[manifest, *causal.files.values()],
        workers=training.readers,
        context=causal.settings,
    )
    training.keep(output, model, "cam", data.classes, architecture)


def begin_from(model: CamNet, segmentation: str, classes: Sequence[str]) -> None:
    """Give a classifier's backbone the weights of a segmentation model's.

    Args:
        model: the classifier; its head and the weights that read M stay as they are.
        segmentation: path of the segmentation model.
        classes: that it must have been trained for.

    Raises:
        ContaError: no such model, or one of another backbone.
    """
    kind, trained_for, _ = read_metadata(segmentation)
    if kind != "deeplab":
        raise ContaError(
            f"{segmentation}: a model of kind {kind!r}, expected 'deeplab'; name another file"
        )
    require_classes(segmentation, trained_for, classes)
    load_tensors(model.backbone.blocks, Path(segmentation), below="backbone.blocks.")


class CamObjective(Objective):
    """The multilabel soft margin loss of the classifier.

    Args:
        model: the classifier.
        frozen_blocks: blocks 1..k keep their weights.
    """

    weights = (1.0,)
    previewed = "CAMs"

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
        logits = self.model.classify(self._last(features, targets)).float()
        losses = F.multilabel_soft_margin_loss(
            logits, targets["tags"], targets.get("counted"), reduction="none"
        )
        return losses.sum()[None], losses.new_tensor([len(losses)])

    def preview(self, images: Tensor, targets: Mapping[str, Tensor]) -> list[list[np.ndarray]]:
        """The CAM of each of an image's tags, at one scale, over its maximum."""
        maps = F.relu(self.model.classifier(self._last(self.frozen(images), targets)))
        maps = maps / maps.amax(dim=(2, 3), keepdim=True).clamp_min(FLAT)
        return [
            [heat_over(image, own[index]) for index in tags.nonzero().flatten().tolist()]
            for image, own, tags in zip(images, maps, targets["tags"], strict=True)
        ]

    def _last(self, features: list[Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """The last block's output."""
        context = self.model.read_context(targets.get("context"), targets.get("query"))
        blocks = self.model.backbone(features[0], context, first=self._first)
        return blocks[-1] if blocks else features[0]


def _groups(model: CamNet, settings: CamSettings) -> list[dict[str, Any]]:
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
