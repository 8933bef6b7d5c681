"""The pixels of each label that are right and wrong, and the measures that they give.

docs/measures.md says what the measures mean and where they come from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelCounts:
    """Pixels of each label, over some images; a pixel whose truth is 255 is in none of them.

    Attributes:
        true_positives: TP, int64 (n,): predicted as the label, and it is.
        false_positives: FP, int64 (n,): predicted as the label, and it is not.
        false_negatives: FN, int64 (n,): the label in truth, predicted as another or as 255.
    """

    true_positives: np.ndarray
    false_positives: np.ndarray
    false_negatives: np.ndarray

    @classmethod
    def of(cls, matrix: np.ndarray) -> LabelCounts:
        """From a confusion matrix.

        Args:
            matrix: int64 (n, n + 1) of
                :func:`~conta_core.evaluation.scores.confusion.confusion_matrix`.
        """
        right = np.diagonal(matrix)
        predicted = matrix[:, : len(matrix)].sum(axis=0)
        return cls(right, predicted - right, matrix.sum(axis=1) - right)

    @property
    def union(self) -> np.ndarray:
        """Pixels that have the label in truth or prediction, int64 (n,)."""
        return self.true_positives + self.false_positives + self.false_negatives

    def iou(self) -> np.ndarray:
        """TP / union in percent, float64 (n,); NaN where the union is empty."""
        return self._of_union(self.true_positives)

    def fpr(self) -> np.ndarray:
        """FP / union in percent, float64 (n,); NaN where the union is empty.

        As SEAM (Wang et al., CVPR 2020) and DHR (Jo et al., ECCV 2024) count it. It is not the
        false positive rate of statistics, whose denominator holds the true negatives. IoU, FPR
        and FNR of a label add up to 100.
        """
        return self._of_union(self.false_positives)

    def fnr(self) -> np.ndarray:
        """FN / union in percent, as :meth:`fpr`."""
        return self._of_union(self.false_negatives)

    def confusion_ratio(self) -> np.ndarray:
        """FP / TP, float64 (n,): SeCo's confusion ratio (Yang et al., CVPR 2024).

        Infinite where there are false positives alone, NaN where the label is never predicted.
        """
        wrong = self.false_positives.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            return wrong / self.true_positives

    def _of_union(self, part: np.ndarray) -> np.ndarray:
        union = self.union
        nothing = np.full(len(union), np.nan)
        return 100.0 * np.divide(part.astype(np.float64), union, out=nothing, where=union > 0)


def mean_over_labels(values: np.ndarray) -> float:
    """The mean over the labels that have a value; NaN where none has one.

    Args:
        values: float64 (n,), NaN for a label without a value.
    """
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan
