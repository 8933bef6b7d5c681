"""Batches of views whose frozen features are computed once and kept in memory.

With ``views: V`` an image is seen under V augmented views, epoch e under view
e mod V; what the frozen blocks make of each is computed before the first epoch and
kept in half precision. With ``views: 0`` every epoch draws fresh views and nothing
is kept. Both give the same batches to the loop. Of several processes each takes every
n-th image of a pass.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from conta_core.errors import ContaError
from conta_core.runtime.progress import track
from conta_core.training import processes
from conta_core.training.schedule import Pass
from conta_core.training.views import ViewedImages

LOGGER = logging.getLogger(__name__)
CACHE_BATCH = 32


@dataclass
class Batch:
    """One pass's input to one process.

    Attributes:
        epoch: counted from 0.
        whole: indices of the images of all processes.
        features: what the frozen blocks gave of this process's images, each (B, ...).
        targets: ``tags``, ``labels``, ``context``, each (B, ...).
        counts: False where the pass has fewer images than processes, and this one has
            another's image, so as to keep step.
    """

    epoch: int
    whole: tuple[int, ...]
    features: list[Tensor]
    targets: dict[str, Tensor]
    counts: bool = True


def batches(
    images: ViewedImages,
    frozen: Callable[[Tensor], list[Tensor]],
    passes: Sequence[Pass],
    *,
    views: int,
    device: torch.device,
    start: int = 0,
    workers: int = 0,
) -> Iterator[Batch]:
    """This process's share of every pass.

    Args:
        images: the views.
        frozen: from uint8 images (B, 3, crop, crop) to the frozen features.
        passes: of the whole training.
        views: see the module.
        device: of the features and targets.
        start: the first pass to give.
        workers: processes that read images.
    """
    own = [_own(one) for one in passes[start:]]
    if views == 0:
        plan = [
            [(index, one.epoch) for index in part]
            for one, part in zip(passes[start:], own, strict=True)
        ]
        loaded = (_to_device(sample, frozen, device) for sample in _load(images, plan, workers))
    else:
        epochs = 1 + max(one.epoch for one in passes)
        cache = _Cache(images, frozen, min(views, epochs), device, workers)
        loaded = (cache.get(part, one.epoch) for one, part in zip(passes[start:], own, strict=True))
    for one, (features, targets) in zip(passes[start:], loaded, strict=True):
        counts = len(one.indices) > processes.rank()
        yield Batch(one.epoch, one.indices, features, targets, counts)


def _own(one: Pass) -> tuple[int, ...]:
    """This process's images of a pass; the first image where there is none left for it."""
    return one.indices[processes.rank() :: processes.count()] or one.indices[:1]


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
        for keys_of_batch, sample in zip(plan, loaded, strict=True):
            features, targets = _to_device(sample, frozen, device)
            if not self._features:
                self._features = [
                    torch.empty((len(keys), *f.shape[1:]), dtype=torch.float16) for f in features
                ]
                self._targets = {
                    name: torch.empty((len(keys), *t.shape[1:]), dtype=t.dtype)
                    for name, t in targets.items()
                }
            end = start + len(keys_of_batch)
            for kept, fresh in zip(self._features, features, strict=True):
                kept[start:end] = fresh.half().cpu()
            for name, fresh in targets.items():
                self._targets[name][start:end] = fresh.cpu()
            start = end

    def get(self, indices: Sequence[int], epoch: int) -> tuple[list[Tensor], dict[str, Tensor]]:
        rows = torch.tensor(indices) + (epoch % self._views) * self._count
        features = [kept[rows].to(self._device).float() for kept in self._features]
        features = [
            f.contiguous(memory_format=torch.channels_last) if f.ndim == 4 else f for f in features
        ]
        return features, {name: kept[rows].to(self._device) for name, kept in self._targets.items()}


def _load(
    images: ViewedImages, plan: list[list[tuple[int, int]]], workers: int
) -> Iterator[dict[str, Tensor]]:
    # a generator of its own: the loader draws from it, and must not move the training's draws
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(images, batch_sampler=plan, num_workers=workers, generator=generator)
    try:
        yield from loader
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise ContaError(
            "a worker process that reads images died: it was killed, or there was not enough "
            "memory; start again (the training goes on from its last state), with fewer threads "
            "or more memory"
        ) from None


def _to_device(
    sample: dict[str, Tensor], frozen: Callable[[Tensor], list[Tensor]], device: torch.device
) -> tuple[list[Tensor], dict[str, Tensor]]:
    with torch.no_grad():
        features = frozen(sample.pop("image").to(device))
    return features, {name: value.to(device) for name, value in sample.items()}
