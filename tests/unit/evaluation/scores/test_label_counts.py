"""The measures of each label against naive loops, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from conta_core.evaluation.scores.confusion import confusion_matrix, mean_iou
from conta_core.evaluation.scores.label_counts import LabelCounts, mean_over_labels

LABELS = 4

label_maps = arrays.arrays(np.uint8, (4, 5), elements=st.sampled_from([*range(LABELS), 255]))
Pair = tuple[np.ndarray, np.ndarray]


def naive_counts(pairs: list[Pair], label: int) -> tuple[int, int, int]:
    """TP, FP and FN, pixel by pixel."""
    right = wrong = missed = 0
    for truth, prediction in pairs:
        for t, p in zip(truth.flat, prediction.flat, strict=True):
            if t == 255:
                continue
            right += t == label and p == label
            wrong += t != label and p == label
            missed += t == label and p != label
    return right, wrong, missed


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(label_maps, label_maps), min_size=1, max_size=3))
def test_measures_are_those_of_naive_loops(pairs: list[Pair]) -> None:
    counts = LabelCounts.of(sum(confusion_matrix(t, p, LABELS) for t, p in pairs))
    for label in range(LABELS):
        right, wrong, missed = naive_counts(pairs, label)
        parts = (counts.true_positives, counts.false_positives, counts.false_negatives)
        assert [int(part[label]) for part in parts] == [right, wrong, missed]
        union = right + wrong + missed
        rates = [float(rate[label]) for rate in (counts.iou(), counts.fpr(), counts.fnr())]
        if union:
            assert rates == pytest.approx([100 * n / union for n in (right, wrong, missed)])
            assert sum(rates) == pytest.approx(100)
        else:
            assert all(map(math.isnan, rates))
        ratio = float(counts.confusion_ratio()[label])
        if right:
            assert ratio == pytest.approx(wrong / right)
        else:
            assert ratio == math.inf if wrong else math.isnan(ratio)


def test_by_hand() -> None:
    """Truth 1 1 1 0 0 and 255; predicted 1 1 255 1 0 and 1."""
    truth = np.array([[1, 1, 1, 0, 0, 255]], np.uint8)
    prediction = np.array([[1, 1, 255, 1, 0, 1]], np.uint8)
    counts = LabelCounts.of(confusion_matrix(truth, prediction, 3))
    # label 1: 2 right, 1 wrong, 1 without an answer; label 0: 1 right, 1 missed
    np.testing.assert_allclose(counts.iou(), [50, 50, np.nan])
    np.testing.assert_allclose(counts.fpr(), [0, 25, np.nan])
    np.testing.assert_allclose(counts.fnr(), [50, 25, np.nan])
    np.testing.assert_allclose(counts.confusion_ratio(), [0, 0.5, np.nan])


def test_means_beside_the_miou_add_up_to_100() -> None:
    rng = np.random.default_rng(5)
    truth, prediction = rng.integers(0, LABELS, (2, 20, 30), dtype=np.uint8)
    matrix = confusion_matrix(truth, prediction, LABELS + 2)
    counts = LabelCounts.of(matrix)
    # two labels that occur nowhere are in none of the means
    total = mean_iou(matrix) + mean_over_labels(counts.fpr()) + mean_over_labels(counts.fnr())
    assert total == pytest.approx(100)
    assert mean_over_labels(counts.iou()) == mean_iou(matrix)


def test_a_mean_of_nothing_and_of_an_infinite_ratio() -> None:
    assert math.isnan(mean_over_labels(np.array([np.nan, np.nan])))
    assert math.isnan(mean_over_labels(np.zeros(0)))
    assert mean_over_labels(np.array([1.0, np.inf, np.nan])) == math.inf
