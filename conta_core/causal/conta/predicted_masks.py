"""X_m: an image's mask by the segmentation model of a round, and as the attention reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import numpy as np

from conta_core.causal.conta.resize_mask import resize_mask
from conta_core.data.manifest import Manifest
from conta_core.networks.segmentation_output import predicted_labels
from conta_core.storage.stores.reader import StoreReader


def predicted_masks(
    data: Manifest, ids: Sequence[str], train_masks: str, logits: str
) -> Iterator[np.ndarray]:
    """The predicted labels of images, uint8 (H, W), in their order.

    Args:
        data: the manifest.
        ids: of the training list, and of what the validation list adds.
        train_masks: path of train_masks.h5, read for the training list.
        logits: path of logits.h5, read for the others, if there are any.

    Raises:
        ContaError: a store is missing or broken, or lacks an image.
    """
    training = set(data.ids("train"))
    others = [i for i in ids if i not in training]
    with ExitStack() as stack:
        train = stack.enter_context(
            StoreReader(train_masks, "train_masks", [i for i in ids if i in training], data.classes)
        )
        if others:
            val = stack.enter_context(StoreReader(logits, "logits", others, data.classes))
        for i in ids:
            if i in training:
                yield train.read(i, "mask")
            else:
                yield predicted_labels(val.read(i, "logits"), data.images[i].size)


def encode_mask(labels: np.ndarray, class_count: int, size: tuple[int, int]) -> np.ndarray:
    """X_m as the attention reads it: labels over n, averaged down, float32 (h, w), 0..1."""
    return resize_mask(labels.astype(np.float32) / class_count, size)
