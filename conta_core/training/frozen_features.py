"""Batches of views whose frozen features are computed once and kept in memory.

With ``views: V`` an image is seen under V augmented views, epoch e under view
e mod V; what the frozen blocks make of each is computed before the first epoch and
kept in half precision. With ``views: 0`` every epoch draws fresh views and nothing
is kept. Both give the same batches to the loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from conta_core.progress import track
from conta_core.seeding import torch_generator
from conta_core.training.views import ViewedImages

LOGGER = logging.getLogger(__name__)
CACHE_BATCH = 32


@dataclass
class Batch:
    """One step's input.

    Attributes:
        epoch: counted from 0.
        indices: of the images in the list.
        features: what the frozen blocks gave, each (B, ...).
        targets: ``tags``, ``labels``, ``context``, each (B, ...).
    """

    epoch: int
    indices: Tensor
    features: list[Tensor]
    targets: dict[str, Tensor]


def batches(
    images: ViewedImages,
    frozen: Callable[[Tensor], list[Tensor]],
    *,
    views: int,
    epochs: int,
    batch_size: int,
    seed: tuple[int | str, ...],
    device: torch.device,
    workers: int = 0,
) -> Iterator[Batch]:
    """All batches of a training, epoch by epoch, each epoch in an order of its own.

    Args:
        images: the views.
        frozen: from uint8 images (B, 3, crop, crop) to the frozen features.
        views: see the module.
        epochs: passes over the images.
        batch_size: images a batch; the last one of an epoch may be smaller.
        seed: parts of the seed (seed, round, stage).
        device: of the features and targets.
        workers: processes that read images.
    """
    orders = [
        torch.randperm(len(images), generator=torch_generator(*seed, "order", epoch)).split(
            batch_size
        )
        for epoch in range(epochs)
    ]
    if views == 0:
        plan = [
            [(int(i), epoch) for i in part] for epoch in range(epochs) for part in orders[epoch]
        ]
        for keys, sample in zip(plan, _load(images, plan, workers), strict=True):
            yield _to_batch(sample, frozen, keys[0][1], device)
        return
    cache = _Cache(images, frozen, min(views, epochs), device, workers)
    for epoch, order in enumerate(orders):
        for part in order:
            yield cache.batch(part, epoch)


def steps_of(images: int, batch_size: int, epochs: int) -> int:
    """How many batches :func:`batches` yields."""
    return epochs * -(-images // batch_size)


class _Cache:
    """Features and targets of every (view, image), views outermost."""

    def __init__(
        self,
        images: ViewedImages,
        frozen: Callable[[Tensor], list[Tensor]],
        views: int,
        device: torch.device,
        workers: int,
    ) -> None:
        self._count, self._views, self._device = len(images), views, device
        keys = [(index, view) for view in range(views) for index in range(self._count)]
        plan = [keys[i : i + CACHE_BATCH] for i in range(0, len(keys), CACHE_BATCH)]
        self._features: list[Tensor] = []
        self._targets: dict[str, Tensor] = {}
        start = 0
        loaded = track(
            _load(images, plan, workers), len(plan), "frozen features", LOGGER, "batches"
        )
        for sample in loaded:
            batch = _to_batch(sample, frozen, 0, device)
            if not self._features:
                self._features = [
                    torch.empty((len(keys), *f.shape[1:]), dtype=torch.float16)
                    for f in batch.features
                ]
                self._targets = {
                    name: torch.empty((len(keys), *t.shape[1:]), dtype=t.dtype)
                    for name, t in batch.targets.items()
                }
            end = start + len(batch.indices)
            for kept, fresh in zip(self._features, batch.features, strict=True):
                kept[start:end] = fresh.half().cpu()
            for name, fresh in batch.targets.items():
                self._targets[name][start:end] = fresh.cpu()
            start = end

    def batch(self, indices: Tensor, epoch: int) -> Batch:
        rows = indices + (epoch % self._views) * self._count
        features = [kept[rows].to(self._device).float() for kept in self._features]
        features = [f.contiguous(memory_format=torch.channels_last) for f in features]
        targets = {name: kept[rows].to(self._device) for name, kept in self._targets.items()}
        return Batch(epoch, indices, features, targets)


def _load(
    images: ViewedImages, plan: list[list[tuple[int, int]]], workers: int
) -> DataLoader[dict[str, Tensor]]:
    return DataLoader(images, batch_sampler=plan, num_workers=workers)


def _to_batch(
    sample: dict[str, Tensor],
    frozen: Callable[[Tensor], list[Tensor]],
    epoch: int,
    device: torch.device,
) -> Batch:
    with torch.no_grad():
        features = frozen(sample["image"].to(device))
    targets = {
        name: value.to(device) for name, value in sample.items() if name not in ("image", "index")
    }
    return Batch(epoch, sample["index"], features, targets)
