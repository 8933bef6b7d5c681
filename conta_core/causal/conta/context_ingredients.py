"""What M is made of, for a classifier that makes it itself (``context.learning: classifier``).

    M = sum_i alpha_i c_i P(c_i),    alpha = softmax_i( (W1 X_m)^T (W2 c_i) / sqrt(n) )

W1 and W2 are the classifier's then. It reads the summands c_i P(c_i), which are the same for every
image and undergo whatever crop, scale and flip the image gets, and the image's own X_m, whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conta_core.causal.conta.context_maps import ContextMaps
from conta_core.causal.conta.predicted_masks import encode_mask, predicted_masks
from conta_core.data.manifest import Manifest
from conta_core.storage.stores.reader import StoreReader


@dataclass(frozen=True)
class IngredientPaths:
    """Where the ingredients lie.

    Attributes:
        confounders: path of confounders.h5.
        train_masks: path of train_masks.h5.
        logits: path of logits.h5.
    """

    confounders: str
    train_masks: str
    logits: str

    @classmethod
    def of(cls, files: Sequence[str]) -> IngredientPaths | None:
        """From the three paths in this order, or None where there are none."""
        return cls(*files) if files else None

    def files(self) -> list[str]:
        """All of them."""
        return [self.confounders, self.train_masks, self.logits]


def open_context(
    context: str | None,
    ingredients: IngredientPaths | None,
    scaling: str,
    data: Manifest,
    image_ids: Sequence[str],
) -> ContextMaps | ContextIngredients | None:
    """What a classifier reads of the round before: M, or what it makes M of, or nothing.

    Args:
        context: path of context.h5, of learning by tags.
        ingredients: where the ingredients of M lie, of learning in the classifier.
        scaling: of M.
        data: the manifest.
        image_ids: images that are read.

    Raises:
        ContaError: a store is missing or broken.
    """
    if ingredients is not None:
        return ContextIngredients(ingredients, scaling, data, image_ids)
    return ContextMaps(context, scaling, image_ids, data.classes) if context else None


def read_for(
    maps: ContextMaps | ContextIngredients | None, image_id: str
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What :func:`conta_core.seeds.cams.extract` is given of an image: context and query."""
    return (maps[image_id], maps.query(image_id)) if maps else (None, None)


class ContextIngredients:
    """The summands, and X_m of every image.

    ``standardise`` takes their mean away and divides by the deviation of what is left, of all
    cells and entries: since the alphas sum to 1, that is M less a fixed map over a fixed number.

    Args:
        paths: of the stores of the round before.
        scaling: ``standardise`` or ``none``.
        data: the manifest.
        image_ids: images whose X_m is read.

    Attributes:
        confounders: c_i, float32 (n, h, w).
        prior: P(c_i), float32 (n,).
        channels: of M.

    Raises:
        ContaError: a store is missing or broken.
    """

    channels = 1

    def __init__(
        self, paths: IngredientPaths, scaling: str, data: Manifest, image_ids: Sequence[str]
    ) -> None:
        with StoreReader(paths.confounders, "confounders", (), data.classes) as store:
            self.confounders = store.read_root("masks")
            self.prior = store.read_root("prior")
        summands = self.confounders * self.prior[:, None, None]
        if scaling == "standardise":
            summands = summands - summands.mean(axis=0)
            summands = summands / max(float(summands.std()), 1e-12)
        self._summands = summands.astype(np.float32)
        size = (self.confounders.shape[1], self.confounders.shape[2])
        masks = predicted_masks(data, image_ids, paths.train_masks, paths.logits)
        self._queries = {
            image_id: encode_mask(mask, len(data.classes), size)
            for image_id, mask in zip(image_ids, masks, strict=True)
        }

    def __getitem__(self, image_id: str) -> np.ndarray:
        """The summands, float32 (n, h, w)."""
        return self._summands

    def query(self, image_id: str) -> np.ndarray:
        """X_m of an image, float32 (h, w)."""
        return self._queries[image_id]
