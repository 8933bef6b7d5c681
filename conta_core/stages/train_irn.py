"""Train the boundary and displacement heads of a round (IRNet, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.images.masks import voc_palette
from conta_core.networks.irn import GRID_STRIDE, Irn
from conta_core.refinement.irn_loss import EPSILON, WEIGHTS, irn_terms
from conta_core.settings import IrnSettings
from conta_core.storage.stores.reader import StoreReader
from conta_core.training import processes
from conta_core.training.files import NO_FILES, TrainingFiles
from conta_core.training.frozen_features import batches
from conta_core.training.model_training import ModelTraining
from conta_core.training.objective import Objective
from conta_core.training.previews import heat_over
from conta_core.training.schedule import Pass
from conta_core.training.views import ViewedImages


@processes.in_processes
def train_irn(
    *,
    manifest: str,
    labels: str,
    output: str,
    settings: IrnSettings,
    seed: int,
    round_index: int,
    threads: int,
    files: TrainingFiles = NO_FILES,
) -> None:
    """Train both heads on the IR labels; the backbone stays as it is.

    Args:
        manifest: path of dataset.json.
        labels: path of labels.h5.
        output: path of the model file.
        settings: of the IRN.
        seed: of the experiment.
        round_index: the round.
        threads: CPU threads, of all processes together.
        files: what the training writes beside the model.

    Raises:
        ContaError: pairs of the radius do not fit the crop.
    """
    training = ModelTraining(
        "train_irn",
        train_irn,
        settings,
        seed=seed,
        round_index=round_index,
        threads=threads,
        files=files,
    )
    data = Manifest.load(manifest)
    ids = data.ids("train")
    architecture = training.architecture()
    model = Irn(**architecture).to(training.device)
    objective = IrnObjective(model, settings.crop, settings.radius)
    # an open store is read by the process that opened it: no other reads images
    with StoreReader(labels, "labels", ids, data.classes) as store:
        images = ViewedImages(
            data,
            ids,
            settings=settings,
            seed=training.draws,
            fill=model.backbone.fill,
            labels=lambda image_id: store.read(image_id, "labels"),
        )
        training.run("IRN", objective, _groups(model, settings), images, inputs=[manifest, labels])
        model.mean_displacement.copy_(_mean_displacement(objective, images, settings))
    training.keep(output, model, "irn", data.classes, architecture)


class IrnObjective(Objective):
    """IRNet's boundary and displacement losses on the stride-4 grid of a crop.

    Args:
        model: the IRN.
        crop: side of the crops, pixels.
        radius: pairs of cells nearer than this.

    Raises:
        ContaError: pairs that do not fit the crop.
    """

    weights = WEIGHTS
    epsilon = EPSILON
    previewed = "edges"

    def __init__(self, model: Irn, crop: int, radius: int) -> None:
        super().__init__()
        side = -(-crop // GRID_STRIDE)
        if side <= 2 * (radius - 1):
            raise ContaError(
                f"irn.radius is {radius}: its pairs do not fit the {side} x {side} cells of "
                f"irn.crop {crop}; lower the radius or raise the crop"
            )
        self.model, self.grid, self._radius = model, (side, side), radius

    def frozen(self, images: Tensor) -> list[Tensor]:
        """The five taps of the backbone."""
        return self.model.taps(self.model.backbone.normalise(images))

    def forward(self, features: list[Tensor], targets: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """The sums and counts of :func:`~conta_core.refinement.irn_loss.irn_terms`."""
        edge, displacement = self.model.heads(features, self.grid)
        small = targets["labels"][:, ::GRID_STRIDE, ::GRID_STRIDE]
        return irn_terms(edge, displacement, small, self._radius)

    def preview(self, images: Tensor, targets: Mapping[str, Tensor]) -> list[list[np.ndarray]]:
        """The IR labels in VOC's palette, and the probability of an edge."""
        edge = self.model.edge(self.frozen(images), self.grid).sigmoid()[:, 0]
        labels = voc_palette()[targets["labels"].cpu().numpy()]
        return [
            [own, heat_over(image, probability)]
            for own, image, probability in zip(labels, images, edge, strict=True)
        ]


def _groups(model: Irn, settings: IrnSettings) -> list[dict[str, Any]]:
    """The boundary head and the displacement head, each with its own learning rate."""
    heads = (
        (model.edge, settings.edge_learning_rate),
        (model.displacement, settings.displacement_learning_rate),
    )
    return [
        {"params": list(head.parameters()), "lr": rate, "weight_decay": settings.weight_decay}
        for head, rate in heads
    ]


@torch.no_grad()
def _mean_displacement(
    objective: IrnObjective, images: ViewedImages, settings: IrnSettings
) -> Tensor:
    """Mean displacement over one view of each image, which evaluation subtracts, (2,)."""
    model, size = objective.model, settings.batch_size
    device = model.mean_displacement.device
    numbers = range(len(images))
    once = [Pass(0, tuple(numbers[start : start + size])) for start in numbers[::size]]
    total = torch.zeros(2, dtype=torch.float64, device=device)
    for batch in batches(images, objective.frozen, once, views=0, device=device):
        if batch.counts:
            moved = model.displacement(batch.features, objective.grid)
            total += moved.mean(dim=(2, 3)).sum(dim=0)
    return (processes.sum_over_processes(total) / len(images)).float()
