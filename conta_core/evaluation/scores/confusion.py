"""Confusion matrices, and the IoU that they give."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from conta_core.evaluation.scores.label_counts import LabelCounts, mean_over_labels
from conta_core.images.masks import IGNORE

#: values of a pixel
_VALUES = np.uint16(256)


def confusion_matrix(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Count pixels by true and predicted label.

    Args:
        truth: uint8 (H, W), 0..n-1, or 255 for pixels that do not count.
        prediction: uint8 (H, W), 0..n-1, or 255 for "no answer", which is wrong.
        classes: n, background included.

    Returns:
        int64 (n, n + 1): a row a true label, a column a predicted one; the last column
        counts the predictions of 255. Matrices of several images may be added.

    Raises:
        ValueError: shapes that differ, or a label outside the range.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"a prediction of {prediction.shape} for a truth of {truth.shape}")
    # labels keep their value over long runs: counting these is many times as fast as pixels
    first, second = truth.ravel(), prediction.ravel()
    ends = _run_ends(first, second)
    lengths = ends + 1  # np.diff with its prepend takes as long as all the counting
    lengths[1:] = ends[1:] - ends[:-1]
    pairs = first.take(ends).astype(np.uint16) * _VALUES + second.take(ends)
    side = classes + 2
    counts = np.bincount(_places(classes).take(pairs), lengths, side * side)
    counts = counts.astype(np.int64).reshape(side, side)
    if counts[classes].any() or counts[:classes, classes + 1].any():
        raise ValueError(f"a label of {classes} or more; expected 0..{classes - 1} or 255")
    return counts[:classes, : classes + 1]


def intersection_over_union(matrix: np.ndarray) -> np.ndarray:
    """IoU of each label in percent: float64 (n,), NaN where it is in neither truth nor prediction.

    Args:
        matrix: int64 (n, n + 1) of :func:`confusion_matrix`.
    """
    return LabelCounts.of(matrix).iou()


def mean_iou(matrix: np.ndarray) -> float:
    """Mean IoU in percent over the labels in truth or prediction, background included.

    Args:
        matrix: int64 (n, n + 1) of :func:`confusion_matrix`.

    Returns:
        0..100, or NaN where no pixel was counted.
    """
    return mean_over_labels(intersection_over_union(matrix))


def _run_ends(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where runs of equal pairs end, the last pair included: int64, ascending.

    Args:
        first: uint8 (N,).
        second: uint8 (N,).
    """
    size = first.size
    changes = np.empty(-(-size // 8) * 8, np.uint8)
    np.bitwise_xor(first[1:], first[:-1], out=changes[: size - 1])
    changes[: size - 1] |= second[1:] ^ second[:-1]
    changes[size - 1 : size], changes[size:] = 1, 0
    # eight pixels at once, since most eights hold no change
    eights = np.flatnonzero(changes.view(np.uint64) != 0)
    within = np.flatnonzero(changes.reshape(-1, 8).take(eights, axis=0) != 0)
    return eights.take(within >> 3) * 8 + (within & 7)


@lru_cache
def _places(classes: int) -> np.ndarray:
    """Pair of pixel values, 256 times the true one and the predicted: its place, uint16 (65536,).

    The places are those of a matrix that has two rows and columns behind those of the labels: in
    rows for bad labels and 255, in columns the other way.
    """
    rows, columns = (np.full(_VALUES, bad, np.uint16) for bad in (classes, classes + 1))
    rows[:classes] = columns[:classes] = np.arange(classes)
    rows[IGNORE], columns[IGNORE] = classes + 1, classes
    return (rows[:, None] * np.uint16(classes + 2) + columns).ravel()
