"""Train the CAM classifier of a round (CONTA, section 3.3, step 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from conta_core.causal.conta.context_ingredients import (
    ContextIngredients,
    IngredientPaths,
    open_context,
)
from conta_core.causal.intervention.object_masks import object_masks
from conta_core.causal.intervention.ownership import read_taken
from conta_core.causal.intervention.propensity import read_weights
from conta_core.causal.intervention.recombination import Intervention
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.networks.cam_net import CamNet
from conta_core.settings import CamSettings, ContextSettings
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
    context: str | None,
    ingredients: IngredientPaths | None,
    pseudo_masks: str | None,
    objects: str | None,
    initial_weights: str | None,
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
        ingredients: in its place what M is made of, where W1 and W2 learn in the classifier.
        pseudo_masks: folder of the round before's <id>.png, of method intervention.
        objects: path of the round before's objects.h5, where the intervention checks
            ownership or balances tags by their contexts.
        initial_weights: path of the round before's segmentation model, from whose backbone this
            one's begins; None: from ``settings.weights``.
        output: path of the model file.
        settings: of the classifier.
        context_settings: block and scaling of M, and the intervention.
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
    made_of = ingredients.files() if ingredients else []
    maps = open_context(context, ingredients, context_settings.scaling, data, ids)
    architecture = training.architecture(context_block=context_settings.block if maps else None)
    if maps and maps.channels > 1:
        architecture["context_channels"] = maps.channels
    if isinstance(maps, ContextIngredients):
        architecture["attention"] = list(maps.confounders.shape)
    model = CamNet(len(data.classes), **architecture)
    if isinstance(maps, ContextIngredients):
        model.attend_to(maps.confounders, maps.prior)
    if initial_weights is not None:
        begin_from(model, initial_weights, data.classes)
    model = model.to(training.device)
    model = prepare_batch_norms(model, model.backbone, settings.batch_norm, settings.frozen_blocks)
    objective = CamObjective(model, settings.frozen_blocks)
    intervention, weights = None, None
    if context_settings.method == "intervention":
        shares = context_settings.intervention
        intervention = Intervention(
            data,
            ids,
            object_masks(data, ids, pseudo_masks, shares),
            context_settings,
            recombined=shares.recombined,
            counterfactual=shares.counterfactual,
            seed=training.draws,
            taken=read_taken(objects, ids, data.classes)
            if objects and shares.checks_ownership
            else {},
        )
        if shares.balances:
            if objects is None:
                raise ValueError("balance is propensity, and no objects.h5 was given")
            weights = read_weights(objects, data, ids, training.device)
    images = ViewedImages(
        data,
        ids,
        settings=settings,
        seed=training.draws,
        fill=model.backbone.fill,
        context=maps.__getitem__ if maps else None,
        query=maps.query if isinstance(maps, ContextIngredients) else None,
        intervene=intervention,
        weights=weights.__getitem__ if weights else None,
    )
    training.run(
        "CAM classifier",
        objective,
        _groups(model, settings),
        images,
        inputs=[manifest, context, *made_of, pseudo_masks, objects, initial_weights],
        workers=training.readers,
        context=context_settings if maps or intervention else None,
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
