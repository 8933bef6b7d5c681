"""Manifest, scores and summary."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz, json_files, refuses_or_reads_file
from hypothesis import given

from conta_core.data.manifest import FORMAT, FORMAT_VERSION, Manifest
from conta_core.evaluation.scores.score_files import read_scores
from conta_core.evaluation.summary import read_summary, render_table, summarise_scores
from conta_core.images.masks import write_label_png

pytestmark = pytest.mark.slow

RECORD = {
    "image": "a.jpg",
    "height": 4,
    "width": 5,
    "tags": ["cat"],
    "mask": "mask.png",
    "context_map": None,
    "name": None,
    "stored_size": None,
    "digest": None,
    "mask_digest": None,
}
MANIFEST = {
    "format": FORMAT,
    "format_version": FORMAT_VERSION,
    "name": "tiny",
    "classes": ["cat", "dog"],
    "lists": {"train": ["a", "b"], "val": ["c"]},
    "list_names": {"train": "train", "val": "val"},
    "images": {"a": RECORD, "b": RECORD | {"tags": ["dog", "cat"]}, "c": RECORD | {"tags": []}},
    "ground_truth": "masks",
    "mask_values": {"0": 0, "1": 1, "2": 2, "15": 255},
}
MEANS = {"iou": 50.5, "fpr": 19.5, "fnr": 30.0, "confusion_ratio": 0.437}
SUBSET = {"images": 5, "iou": 41.0, "fpr": 29.0, "fnr": 30.0}
ENTRY = {
    "list": "train",
    "ground_truth": "masks",
    "images": 2,
    "miou": 50.5,
    "accuracy": 70.0,
    "threshold": {"value": 0.45, "chosen": "best"},
    "iou": {"background": 60.0, "cat": 41.0, "dog": None},
    "fpr": {"background": 10.0, "cat": 29.0, "dog": None},
    "fnr": {"background": 30.0, "cat": 30.0, "dog": None},
    "confusion_ratio": {"background": 0.1667, "cat": 0.7073, "dog": None},
    "means": {"all": MEANS, "foreground": MEANS | {"confusion_ratio": None}},
    "pairs": [
        {
            "class": "cat",
            "companion": "dog",
            "share": 40.0,
            "with_companion": SUBSET,
            "without_companion": SUBSET | {"iou": 50.5},
        }
    ],
    "curve": {"0.05": 21.8, "0.10": 25.3},
}
CONFOUNDING = {
    "images": 3,
    "far_false_positives": {"own_context": 7.6, "other_contexts": None},
    "false_positives_on_own_context": 36.1,
    "swap_test": {"context_present": 0.3, "context_absent": 0.06, "cases_present": 203},
}
SCORES = {
    "format": "conta-scores",
    "format_version": 1,
    "run": "r",
    "round": 0,
    "stage": "cam",
    "lists": {"train": ENTRY, "val": ENTRY | {"images": 0, "miou": None, "why": "empty"}},
    "confounding": {"val": CONFOUNDING},
}
ROW = {"round": 0, "stage": "cam", "split": "val"}
SUMMARY = {
    "format": "conta-summary",
    "format_version": 1,
    "run": "r",
    "rounds": 2,
    "dataset": "tiny",
    "ground_truth": None,
    "classes": ["cat", "dog"],
    "lists": {"train": {"name": "train", "images": 2}, "val": {"name": "val", "images": 1}},
    "scores": [ROW | ENTRY, ROW | ENTRY | {"round": 1, "stage": "segmentation_crf"}],
    "confounding": [ROW | CONFOUNDING],
}


def read_manifest(path: Path) -> None:
    manifest = Manifest.load(path)
    assert manifest.class_names[0] == "background"
    manifest.has_masks("train")
    for image_id in manifest.ids("train", "val"):
        manifest.tag_vector(image_id)
        record = manifest.images[image_id]
        if record.mask and Path(record.mask).name == "mask.png":
            manifest.read_mask(image_id)


@fuzz
@given(data=json_files(MANIFEST))
def test_manifest(tmp_path: Path, data: bytes) -> None:
    if not (tmp_path / "mask.png").exists():
        write_label_png(tmp_path / "mask.png", np.full((4, 5), 15, np.uint8))
    data = data.replace(b"mask.png", bytes(tmp_path / "mask.png"))
    refuses_or_reads_file(tmp_path / "dataset.json", data, read_manifest)


@fuzz
@given(data=json_files(SCORES))
def test_scores(tmp_path: Path, data: bytes) -> None:
    if not (tmp_path / "dataset.json").exists():
        (tmp_path / "dataset.json").write_text(json.dumps(MANIFEST))
    manifest = Manifest.load(tmp_path / "dataset.json")

    def read(path: Path) -> None:
        read_scores(path)
        render_table(summarise_scores(manifest, [{"cam": str(path)}], "r"))

    refuses_or_reads_file(tmp_path / "cam.json", data, read)


@fuzz
@given(data=json_files(SUMMARY))
def test_summary(tmp_path: Path, data: bytes) -> None:
    refuses_or_reads_file(tmp_path / "summary.json", data, lambda p: render_table(read_summary(p)))
