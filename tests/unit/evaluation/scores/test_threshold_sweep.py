from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from conta_core.evaluation.scores.confusion import confusion_matrix, mean_iou
from conta_core.evaluation.scores.threshold_sweep import ThresholdSweep
from conta_core.refinement.pseudo_masks import label_argmax, strongest_class

LABELS = 4

label_maps = arrays.arrays(np.uint8, (4, 5), elements=st.sampled_from([*range(LABELS), 255]))


@settings(max_examples=40, deadline=None)
@given(
    label_maps,
    # values that often equal a threshold
    arrays.arrays(
        np.float32,
        (2, 4, 5),
        elements=st.sampled_from([0, 0.1, 0.3, 0.31, 0.5, 1.0]).map(np.float32),
    ),
)
def test_sweep_is_one_matrix_a_threshold(truth: np.ndarray, maps: np.ndarray) -> None:
    keys, thresholds = np.array([0, 2]), (0.1, 0.3, 0.5)
    sweep = ThresholdSweep(LABELS, thresholds)
    sweep.update(truth, *strongest_class(maps, keys))
    sweep.update(truth, *strongest_class(maps[:0], keys[:0]))
    background = confusion_matrix(truth, np.zeros_like(truth), LABELS)
    for threshold in thresholds:
        labels = label_argmax(maps, keys, threshold)
        expected = confusion_matrix(truth, labels, LABELS) + background
        np.testing.assert_array_equal(sweep.matrix(threshold), expected)
        if expected.sum():
            assert sweep.curve()[threshold] == pytest.approx(mean_iou(expected))


def test_sweeps_add_up_and_know_the_best() -> None:
    truth = np.array([[0, 0, 1, 1]], dtype=np.uint8)
    values = np.array([[0.05, 0.2, 0.4, 0.9]], dtype=np.float32)
    total = ThresholdSweep(2)
    for _ in range(2):
        total.add(ThresholdSweep(2).update(truth, values, np.zeros((1, 4), np.uint8)))
    assert total.matrix(0.3).sum() == 8
    assert total.best() == 0.2
    assert total.curve()[0.2] == 100


def test_thresholds_must_ascend() -> None:
    with pytest.raises(ValueError, match="ascending"):
        ThresholdSweep(2, (0.5, 0.1))
