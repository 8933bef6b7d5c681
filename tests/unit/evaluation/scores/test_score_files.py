from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.evaluation.scores.score_files import read_scores, score_entry, write_scores

#: what scores of before the errors lacked
ADDED = ("fpr", "fnr", "confusion_ratio", "means", "pairs")
NAMES = ("iou", "curve")
PAIR = {
    "class": "cat",
    "companion": "dog",
    "share": 50.0,
    "with_companion": {"images": 5, "iou": 60.0, "fpr": 30.0, "fnr": 10.0},
    "without_companion": {"images": 6, "iou": 40.0, "fpr": 50.0, "fnr": 10.0},
}


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
        pairs=[PAIR],
    )
    assert entry == {
        "list": "train_aug",
        "ground_truth": "made masks",
        "images": 1,
        "miou": 70.8333,
        "accuracy": 83.3333,
        "threshold": {"value": 0.2, "chosen": "by hand"},
        "iou": {"background": 66.6667, "cat": 75.0, "dog": None},
        "fpr": {"background": 0.0, "cat": 25.0, "dog": None},
        "fnr": {"background": 33.3333, "cat": 0.0, "dog": None},
        "confusion_ratio": {"background": 0.0, "cat": 0.3333, "dog": None},
        "means": {
            "all": {"iou": 70.8333, "fpr": 12.5, "fnr": 16.6667, "confusion_ratio": 0.1667},
            "foreground": {"iou": 75.0, "fpr": 25.0, "fnr": 0.0, "confusion_ratio": 0.3333},
        },
        "pairs": [PAIR],
        "curve": {"0.20": 70.8333},
    }
    names = [name for name in entry if name not in ADDED]
    assert names == ["list", "ground_truth", "images", "miou", "accuracy", "threshold", *NAMES]


def test_a_class_that_is_nowhere_right(manifest: Manifest) -> None:
    """Its FPR and FNR are told; its confusion ratio is infinite, and so is the mean."""
    matrix = np.array([[4, 0, 1, 0], [0, 2, 1, 0], [0, 0, 0, 2]])
    entry = score_entry(matrix, manifest=manifest, list_name="train", images=1)
    assert (entry["fpr"]["dog"], entry["fnr"]["dog"]) == (50.0, 50.0)
    assert entry["confusion_ratio"] == {"background": 0.0, "cat": 0.0, "dog": None}
    assert entry["means"]["all"]["confusion_ratio"] is None
    assert entry["means"]["foreground"]["confusion_ratio"] is None
    assert "pairs" not in entry
    # never predicted: it has no ratio, and the mean is that of the others
    matrix[:, 2] = 0
    entry = score_entry(matrix, manifest=manifest, list_name="train", images=1)
    assert (entry["fpr"]["dog"], entry["fnr"]["dog"]) == (0.0, 100.0)
    assert entry["confusion_ratio"]["dog"] is None
    assert entry["means"]["all"]["confusion_ratio"] == 0.0


def test_an_unscored_list_says_why(manifest: Manifest) -> None:
    empty = np.zeros((3, 4), dtype=np.int64)
    entry = score_entry(empty, manifest=manifest, list_name="val", images=0)
    assert entry["miou"] is None
    assert entry["accuracy"] is None
    for name in ("iou", "fpr", "fnr", "confusion_ratio"):
        assert set(entry[name].values()) == {None}
    assert all(set(means.values()) == {None} for means in entry["means"].values())
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
    # a file of before the errors is read; one with more is read too, and checked
    write_scores(
        path, run="r", round_index=2, stage="cam", lists={"train": {**entry, "pairs": [PAIR]}}
    )
    assert read_scores(path)["lists"]["train"]["pairs"] == [PAIR]
    broken = {**entry, "pairs": [{**PAIR, "with_companion": {"images": 5, "iou": 160.0}}]}
    write_scores(path, run="r", round_index=2, stage="cam", lists={"train": broken})
    with pytest.raises(ContaError, match=r"pairs\.0\.with_companion\.iou: .*; delete it and let"):
        read_scores(path)


def test_another_file_is_no_scores_file(tmp_path: Path) -> None:
    path = tmp_path / "cam.json"
    path.write_text('{"format": "conta-summary", "format_version": 1}')
    with pytest.raises(ContaError, match=r"cam\.json: not a scores file .*; delete it and let"):
        read_scores(path)
