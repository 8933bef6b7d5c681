"""The scores of the masks of a list, counted image by image."""

from __future__ import annotations

from typing import Any

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.evaluation.scores.biased_pairs import BiasedPairs
from conta_core.evaluation.scores.confusion import confusion_matrix
from conta_core.evaluation.scores.score_files import score_entry


class MaskScores:
    """Adds up what the entry of a scores json needs, for stages that have a mask an image.

    Args:
        manifest: of the data set.
        list_name: "train" or "val".
    """

    def __init__(self, manifest: Manifest, list_name: str) -> None:
        self._manifest = manifest
        self._list_name = list_name
        self._labels = len(manifest.class_names)
        self._matrix = np.zeros((self._labels, self._labels + 1), dtype=np.int64)
        self._pairs = BiasedPairs(manifest)
        self._images = 0

    def add(self, truth: np.ndarray, prediction: np.ndarray) -> None:
        """Count one image.

        Args:
            truth: uint8 (H, W), 0..n-1, or 255 for pixels that do not count.
            prediction: uint8 (H, W), 0..n-1, or 255 for "no answer", which is wrong.

        Raises:
            ValueError: shapes that differ, or a label outside the range.
        """
        matrix = confusion_matrix(truth, prediction, self._labels)
        self._matrix += matrix
        self._pairs.add(matrix)
        self._images += 1

    def entry(self) -> dict[str, Any]:
        """What the scores json says of the list, of :func:`~.score_files.score_entry`."""
        return score_entry(
            self._matrix,
            manifest=self._manifest,
            list_name=self._list_name,
            images=self._images,
            pairs=self._pairs.result(),
        )
