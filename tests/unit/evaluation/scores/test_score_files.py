from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conta_core.data.manifest import ImageRecord, Manifest
from conta_core.errors import ContaError
from conta_core.evaluation.scores.score_files import read_scores, score_entry, write_scores


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


def test_another_file_is_no_scores_file(tmp_path: Path) -> None:
    path = tmp_path / "cam.json"
    path.write_text('{"format": "conta-summary", "format_version": 1}')
    with pytest.raises(ContaError, match=r"cam\.json: not a scores file .*; delete it and let"):
        read_scores(path)
