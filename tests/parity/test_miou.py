"""mIoU against transcriptions of the ancestors' scorers.

IRNet calls ChainerCV's calc_semantic_segmentation_confusion; deeplab-pytorch has its own.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from conta_core.evaluation.scores.confusion import (
    confusion_matrix,
    intersection_over_union,
    mean_iou,
)

CLASSES = 5

Pair = tuple[np.ndarray, np.ndarray]


def chainercv_iou(pairs: list[Pair]) -> np.ndarray:
    """chainercv.evaluations.eval_semantic_segmentation, as IRNet's steps use it (-1: ignored)."""
    confusion = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    for truth, prediction in pairs:
        gt_label = np.where(truth == 255, -1, truth.astype(np.int64)).flatten()
        mask = gt_label >= 0
        confusion += np.bincount(
            CLASSES * gt_label[mask] + prediction.flatten()[mask], minlength=CLASSES**2
        ).reshape((CLASSES, CLASSES))
    denominator = confusion.sum(axis=1) + confusion.sum(axis=0) - np.diag(confusion)
    with np.errstate(invalid="ignore"):
        return np.diag(confusion) / denominator


def deeplab_pytorch_miou(pairs: list[Pair]) -> float:
    """libs/utils/metric.py of deeplab-pytorch: a mean over the classes in the truth alone."""
    hist = np.zeros((CLASSES, CLASSES))
    for truth, prediction in pairs:
        lt, lp = truth.flatten().astype(int), prediction.flatten()
        mask = (lt >= 0) & (lt < CLASSES)
        hist += np.bincount(CLASSES * lt[mask] + lp[mask], minlength=CLASSES**2).reshape(
            CLASSES, CLASSES
        )
    with np.errstate(invalid="ignore"):
        iu = np.diag(hist) / (hist.sum(axis=1) + hist.sum(axis=0) - np.diag(hist))
    return float(np.nanmean(iu[hist.sum(axis=1) > 0]))


def draw(seed: int, true: list[int], predicted: list[int]) -> list[Pair]:
    rng = np.random.default_rng(seed)
    return [
        (
            rng.choice([*true, 255], shape).astype(np.uint8),
            rng.choice(predicted, shape).astype(np.uint8),
        )
        for shape in ((6, 7), (1, 9), (30, 20))
    ]


def matrix_of(pairs: list[Pair]) -> np.ndarray:
    return sum(
        (confusion_matrix(*pair, CLASSES) for pair in pairs),
        start=np.zeros((CLASSES, CLASSES + 1), dtype=np.int64),
    )


@pytest.mark.parametrize("seed", range(5))
def test_every_class_occurs(seed: int) -> None:
    pairs = draw(seed, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4])
    expected = chainercv_iou(pairs)
    np.testing.assert_allclose(intersection_over_union(matrix_of(pairs)), 100 * expected)
    assert mean_iou(matrix_of(pairs)) == pytest.approx(100 * np.nanmean(expected))
    assert mean_iou(matrix_of(pairs)) == pytest.approx(100 * deeplab_pytorch_miou(pairs))


def test_a_class_in_neither_is_left_out_of_the_mean() -> None:
    pairs = draw(7, [0, 1, 3], [0, 1])
    found = matrix_of(pairs)
    assert np.isnan(intersection_over_union(found)[[2, 4]]).all()
    assert mean_iou(found) == pytest.approx(100 * np.nanmean(chainercv_iou(pairs)))
    assert mean_iou(found) == pytest.approx(100 * deeplab_pytorch_miou(pairs))


def test_a_class_in_the_predictions_alone_is_0_as_in_irnet() -> None:
    pairs = draw(8, [0, 1], [0, 1, 2])
    found = matrix_of(pairs)
    assert intersection_over_union(found)[2] == 0
    assert mean_iou(found) == pytest.approx(100 * np.nanmean(chainercv_iou(pairs)))
    # deeplab-pytorch leaves it out; on a whole list every class is in the truth
    assert deeplab_pytorch_miou(pairs) * 100 == pytest.approx(1.5 * mean_iou(found))


def test_nothing_but_ignored_pixels() -> None:
    truth = np.full((3, 4), 255, np.uint8)
    assert math.isnan(mean_iou(confusion_matrix(truth, np.zeros_like(truth), CLASSES)))
