import io
import math
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from conta_core.errors import ContaError
from conta_core.manifest import ImageRecord, Manifest
from conta_core.pseudo_masks import label_argmax, strongest_class
from conta_core.scores import (
    ThresholdSweep,
    confusion_matrix,
    intersection_over_union,
    mean_iou,
    read_scores,
    score_entry,
    write_scores,
)

LABELS = 4
SHARED = Path(
    os.environ.get("CONTA_SHARED_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")
)

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


@pytest.fixture
def manifest() -> Manifest:
    records = {"i": ImageRecord("i", "i.jpg", 2, 2, ("cat",), "i.png")}
    return Manifest(
        "set",
        ("cat", "dog"),
        {"train": ("i",), "val": ()},
        {"train": "train_aug", "val": "val"},
        records,
        "made masks",
        {0: 0, 1: 1, 2: 2},
    )


def test_entry_names_list_ground_truth_and_threshold(manifest: Manifest) -> None:
    matrix = np.array([[2, 1, 0], [0, 3, 0], [0, 0, 0]])
    matrix = np.hstack([matrix, np.zeros((3, 1), int)])
    entry = score_entry(
        matrix,
        manifest=manifest,
        list_name="train",
        images=1,
        threshold={"value": 0.2, "chosen": "by hand"},
        curve={0.2: 70.83333333},
    )
    assert entry == {
        "list": "train_aug",
        "ground_truth": "made masks",
        "images": 1,
        "miou": 70.8333,
        "accuracy": 83.3333,
        "threshold": {"value": 0.2, "chosen": "by hand"},
        "iou": {"background": 66.6667, "cat": 75.0, "dog": None},
        "curve": {"0.20": 70.8333},
    }


def test_an_unscored_list_says_why(manifest: Manifest) -> None:
    empty = np.zeros((3, 4), dtype=np.int64)
    entry = score_entry(empty, manifest=manifest, list_name="val", images=0)
    assert entry["miou"] is None
    assert entry["accuracy"] is None
    assert set(entry["iou"].values()) == {None}
    assert entry["why"] == "the list 'val' is empty"
    entry = score_entry(empty, manifest=manifest, list_name="train", images=0)
    assert entry["why"] == "the list 'train_aug' has no ground-truth masks"


def test_scores_file_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "cam.json"
    entry = {"images": 3, "miou": 1.5, "iou": {"background": 1.5}}
    write_scores(path, run="r", round_index=2, stage="cam", lists={"train": entry})
    content = read_scores(path)
    assert (content["run"], content["round"], content["stage"]) == ("r", 2, "cam")
    assert content["lists"]["train"]["miou"] == 1.5
    assert "confounding" not in content


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "other", "format_version": 1}'])
def test_another_file_is_no_scores_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cam.json"
    path.write_text(text)
    with pytest.raises(ContaError, match=r"cam\.json: not a scores file"):
        read_scores(path)


def test_real_masks_against_themselves_and_shifted() -> None:
    archive = SHARED / "voc12_aug" / "SegmentationClassAug.tar"
    if not archive.is_file():
        pytest.skip(f"no {archive}: set CONTA_SHARED_DATA to the folder of the data sets")
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
