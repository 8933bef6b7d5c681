"""Train the boundary and displacement heads of a round (IRNet, section 3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from conta_core.device import configure_threads, select_device
from conta_core.errors import ContaError
from conta_core.irn_loss import irn_loss
from conta_core.manifest import Manifest
from conta_core.networks.irn import GRID_STRIDE, Irn
from conta_core.seeding import derive_seed
from conta_core.settings import IrnSettings
from conta_core.stores import StoreReader
from conta_core.training.engine import train
from conta_core.training.frozen_features import Batch, batches, steps_of
from conta_core.training.views import ViewedImages
from conta_core.weights import save_model


def train_irn(
    *,
    manifest: str,
    labels: str,
    output: str,
    settings: IrnSettings,
    seed: int,
    round_index: int,
    threads: int,
) -> None:
    """Train both heads on the IR labels; the backbone stays as it is.

    Args:
        manifest: path of dataset.json.
        labels: path of labels.h5.
        output: path of the model file.
        settings: of the IRN.
        seed: of the experiment.
        round_index: the round.
        threads: CPU threads.
    """
    configure_threads(threads)
    device = select_device()
    data = Manifest.load(manifest)
    ids = data.ids("train")
    side = -(-settings.crop // GRID_STRIDE)
    if side <= 2 * (settings.radius - 1):
        raise ContaError(
            f"irn.radius is {settings.radius}: its pairs do not fit the {side} x {side} cells of "
            f"irn.crop {settings.crop}; lower the radius or raise the crop"
        )
    architecture: dict[str, Any] = {
        "backbone": settings.backbone,
        "weights": settings.weights,
        "output_stride": settings.output_stride,
        "seed": derive_seed(seed, round_index, "train_irn", "weights"),
    }
    model = Irn(**architecture).to(device)
    model.train()

    def frozen(images: Tensor) -> list[Tensor]:
        return model.taps(model.backbone.normalise(images))

    def loss_of(batch: Batch) -> Tensor:
        edge, displacement = model.heads(batch.features, (side, side))
        small = batch.targets["labels"][:, ::GRID_STRIDE, ::GRID_STRIDE]
        return irn_loss(edge, displacement, small, settings.radius)

    draws = (seed, round_index, "train_irn")
    with StoreReader(labels, "labels", ids, data.classes) as store:
        images = ViewedImages(
            data,
            ids,
            resize=settings.resize,
            crop=settings.crop,
            seed=draws,
            fill=round(255 * sum(model.backbone.mean) / 3),
            labels=lambda image_id: store.read(image_id, "labels"),
        )
        steps = batches(
            images,
            frozen,
            views=settings.views,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            seed=draws,
            device=device,
        )
        decay = settings.weight_decay
        groups = [
            {
                "params": list(model.edge.parameters()),
                "lr": settings.edge_learning_rate,
                "weight_decay": decay,
            },
            {
                "params": list(model.displacement.parameters()),
                "lr": settings.displacement_learning_rate,
                "weight_decay": decay,
            },
        ]
        train(
            steps,
            loss_of,
            groups,
            momentum=settings.momentum,
            total=steps_of(len(ids), settings.batch_size, settings.epochs),
            what="IRN",
            ids=ids,
        )
        whole = batches(
            images,
            frozen,
            views=0,
            epochs=1,
            batch_size=settings.batch_size,
            seed=(*draws, "mean displacement"),
            device=device,
        )
        model.mean_displacement.copy_(_mean_displacement(model, whole, (side, side)))
    save_model(output, model, "irn", data.classes, architecture)


@torch.no_grad()
def _mean_displacement(model: Irn, views: Iterable[Batch], grid: tuple[int, int]) -> Tensor:
    """Mean displacement over one view of each image, which evaluation subtracts, (2,)."""
    means = [model.displacement(view.features, grid).mean(dim=(2, 3)) for view in views]
    return torch.cat(means).mean(dim=0)
