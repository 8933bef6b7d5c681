from __future__ import annotations

import io
import math
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from conta_core.evaluation.scores.confusion import (
    confusion_matrix,
    intersection_over_union,
    mean_iou,
)

LABELS = 4

label_maps = arrays.arrays(np.uint8, (4, 5), elements=st.sampled_from([*range(LABELS), 255]))


def naive_iou(truths: list[np.ndarray], predictions: list[np.ndarray]) -> list[float]:
    result = []
    for label in range(LABELS):
        common = union = 0
        for truth, prediction in zip(truths, predictions, strict=True):
            for t, p in zip(truth.flat, prediction.flat, strict=True):
                if t == 255:
                    continue
                common += t == label and p == label
                union += t == label or p == label
        result.append(100 * common / union if union else math.nan)
    return result


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(label_maps, label_maps), min_size=1, max_size=3))
def test_iou_is_that_of_naive_loops(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    matrix = sum(confusion_matrix(t, p, LABELS) for t, p in pairs)
    expected = naive_iou(*(list(side) for side in zip(*pairs, strict=True)))
    np.testing.assert_allclose(intersection_over_union(matrix), expected)
    if np.isnan(expected).all():
        assert math.isnan(mean_iou(matrix))
    else:
        assert mean_iou(matrix) == pytest.approx(np.nanmean(expected))


def test_an_answer_of_255_is_wrong() -> None:
    truth = np.array([[1, 1, 0, 255]], dtype=np.uint8)
    prediction = np.array([[1, 255, 0, 1]], dtype=np.uint8)
    matrix = confusion_matrix(truth, prediction, 2)
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, [[1, 0, 0], [0, 1, 1]])
    np.testing.assert_array_equal(intersection_over_union(matrix), [100, 50])


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        (np.array([[3]]), np.array([[0]]), "3 or more"),
        (np.array([[0]]), np.array([[3]]), "3 or more"),
        (np.array([[0]]), np.array([[0, 1]]), "for a truth of"),
    ],
)
def test_bad_labels_are_refused(truth: np.ndarray, prediction: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        confusion_matrix(truth.astype(np.uint8), prediction.astype(np.uint8), 3)


def test_real_masks_against_themselves_and_shifted(shared_data: Callable[[str], Path]) -> None:
    archive = shared_data("voc12_aug") / "SegmentationClassAug.tar"
    if not archive.is_file():
        pytest.skip(f"no {archive}")
    same = np.zeros((21, 22), dtype=np.int64)
    moved = np.zeros((21, 22), dtype=np.int64)
    truths, shifted = [], []
    with tarfile.open(archive) as members:
        for member in members:
            stream = members.extractfile(member)
            if not member.name.endswith(".png") or stream is None:
                continue
            truth = np.asarray(Image.open(io.BytesIO(stream.read())))
            prediction = np.roll(truth, 5, axis=1)
            same += confusion_matrix(truth, truth, 21)
            moved += confusion_matrix(truth, prediction, 21)
            truths.append(truth)
            shifted.append(prediction)
            if len(truths) == 40:
                break
    present = same.sum(axis=1) > 0
    np.testing.assert_array_equal(intersection_over_union(same)[present], 100)
    for label in np.flatnonzero(present):
        common = sum(
            ((t == label) & (p == label)).sum() for t, p in zip(truths, shifted, strict=True)
        )
        union = sum(
            (((t == label) | (p == label)) & (t != 255)).sum()
            for t, p in zip(truths, shifted, strict=True)
        )
        assert intersection_over_union(moved)[label] == pytest.approx(100 * common / union)
