"""What M is made of, for a classifier that makes it itself (``context.learning: classifier``).

    M = sum_i alpha_i c_i P(c_i),    alpha = softmax_i( (W1 X_m)^T (W2 c_i) / sqrt(n) )

W1 and W2 are the classifier's then. It reads the summands c_i P(c_i), which are the same for every
image and undergo whatever crop, scale and flip the image gets, and the image's own X_m, whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from conta_core.causal.conta.predicted_masks import encode_mask, predicted_masks
from conta_core.causal.methods.base import ContextReader
from conta_core.data.manifest import Manifest
from conta_core.storage.stores.reader import StoreReader


class ContextIngredients(ContextReader):
    """The summands, and X_m of every image.

    ``standardise`` takes their mean away and divides by the deviation of what is left, of all
    cells and entries: since the alphas sum to 1, that is M less a fixed map over a fixed number.

    Args:
        files: paths of ``confounders``, ``train_masks`` and ``logits``, stores of the round before.
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
        self, files: Mapping[str, str], scaling: str, data: Manifest, image_ids: Sequence[str]
    ) -> None:
        self.scaling = scaling
        with StoreReader(files["confounders"], "confounders", (), data.classes) as store:
            self.confounders = store.read_root("masks")
            self.prior = store.read_root("prior")
        summands = self.confounders * self.prior[:, None, None]
        if scaling == "standardise":
            summands = summands - summands.mean(axis=0)
            summands = summands / max(float(summands.std()), 1e-12)
        self._summands = summands.astype(np.float32)
        size = (self.confounders.shape[1], self.confounders.shape[2])
        masks = predicted_masks(data, image_ids, files["train_masks"], files["logits"])
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

    def read(self, image_id: str) -> tuple[np.ndarray, np.ndarray]:
        """Summands and X_m."""
        return self[image_id], self.query(image_id)
