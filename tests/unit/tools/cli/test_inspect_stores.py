from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from inspecting import as_json, edit, inspect, listed, refused, shown
from small_stores import CLASSES, IDS, write_small
from summands import split_by_class

from conta_core.errors import ContaError
from conta_core.storage.stores.kinds import IMAGE_ARRAYS
from conta_core.storage.stores.writer import write_store


@pytest.mark.parametrize("kind", IMAGE_ARRAYS)
def test_every_kind_of_store(tmp_path: Path, kind: str) -> None:
    path = write_small(tmp_path / "store.h5", kind, round_index=2)
    found = as_json(path)
    assert f"(conta-{kind})" in found["what"]
    assert (found["run"], found["round"], found["complete"]) == ("r", 2, "yes")
    assert found["classes"] == list(CLASSES)
    assert found["settings"] == {"scales": [1.0], "deep": {"on": True}}
    assert found["checksums"] == "not checked"
    assert found["bytes"] == path.stat().st_size
    if kind == "confounders":
        assert [row["images"] for row in found["confounder set"]] == [2, 0, 1]
        assert [row["mean of its mask"] for row in found["confounder set"]] == [0, 0.25, 0.5]
    else:
        assert found["images"] == 3
        assert found["height"] == {"min": 8, "median": 8, "max": 8}
        assert found["most common size"] == "8 x 12"
        names = [row["name"] for row in found["arrays of each image"]]
        assert names == list(IMAGE_ARRAYS[kind])
    assert as_json(path, "--check")["checksums"] == "right"
    if kind == "context":
        assert [row["array"] for row in found["arrays of the store"]] == ["mean", "deviation"]


def test_context_by_class(tmp_path: Path) -> None:
    path = write_small(tmp_path / "c.h5", "context", value=0.25)
    classes = as_json(path, IDS[0])["classes"]
    split_by_class(path)
    assert as_json(path)["images"] == 3
    found = as_json(path, IDS[0])
    assert found["classes"] == classes
    assert "3 x 4 x 4" in [row["shape"] for row in found["arrays"]]


def test_the_text_of_a_store(tmp_path: Path) -> None:
    lines = shown(write_small(tmp_path / "cams.h5", "cams")).splitlines()
    assert lines[0].split(None, 1) == ["what", "CAMs (conta-cams)"]
    assert "classes            boat, dog, ring  (3)" in lines
    assert "settings           deep (on yes), scales [1.0]" in lines
    assert "checksums          not checked  (--check reads every byte)" in lines
    assert "images             3" in lines
    assert "most common size   8 x 12  (height x width, 3 images)" in lines
    assert any(line.split()[:2] == ["high_res", "float16"] for line in lines)


def test_sizes(tmp_path: Path) -> None:
    path = tmp_path / "labels.h5"
    options = {"classes": CLASSES, "run": "r", "round_index": 0, "settings": {}}
    with write_store(path, "labels", **options) as store:
        for image_id, size in (("a", (20, 30)), ("b", (8, 12)), ("c", (10, 12))):
            store.write(image_id, {"labels": np.zeros(size, np.uint8)}, size)
    found = as_json(path, "--check")
    assert found["height"] == {"min": 8, "median": 10, "max": 20}
    assert found["width"] == {"min": 12, "median": 12, "max": 30}
    assert found["checksums"] == "right"


def test_a_table_of_sizes_that_is_not_that_of_the_images(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        file["image sizes"][0, 2] += 1

    path = edit(write_small(tmp_path / "labels.h5", "labels"), change)
    result = inspect(path, "--check")
    assert isinstance(result.exception, ContaError)
    counted = f"counts {len(IDS) + 1} images, {len(IDS)} are there"
    assert counted in " ".join(result.output.split())


def test_a_store_without_images(tmp_path: Path) -> None:
    path = write_small(tmp_path / "logits.h5", "logits", ids=())
    assert as_json(path)["images"] == 0
    assert "it holds none" in refused(path, "a")
    assert listed(path, "--list") == []


def test_arrays_of_an_image(tmp_path: Path) -> None:
    found = as_json(write_small(tmp_path / "cams.h5", "cams"), "2007_000032")
    rows = {row["array"]: row for row in found["arrays"]}
    assert rows["high_res"] == {
        "array": "high_res", "shape": "2 x 8 x 12", "type": "float16",
        "min": 0.5, "max": 0.5, "mean": 0.5,
    }  # fmt: skip
    assert [(row["class"], row["tag"], row["P(class)"]) for row in found["classes"]] == [
        ("boat", "yes", 0.75), ("ring", "yes", 0.5), ("dog", "no", 0.25),
    ]  # fmt: skip
    assert found["size"] == "8 x 12"


def test_an_image_without_tags(tmp_path: Path) -> None:
    for kind in ("cams", "refined"):
        found = as_json(write_small(tmp_path / f"{kind}.h5", kind), "2008_000003")
        empty = next(row for row in found["arrays"] if row["array"] == "keys")
        assert (empty["shape"], empty["min"], empty["mean"]) == ("0", None, None)
    assert found["classes"] == []


def test_classes_of_masks_logits_and_context(tmp_path: Path) -> None:
    rows = as_json(write_small(tmp_path / "a.h5", "labels"), IDS[0])["classes"]
    assert rows == [
        {"class": "boat", "pixels": 48, "percent": 50.0},
        {"class": "background", "pixels": 47, "percent": 48.96},
        {"class": "ignored", "pixels": 1, "percent": 1.042},
    ]
    rows = as_json(write_small(tmp_path / "b.h5", "logits"), IDS[0])["classes"]
    assert rows == [{"class": "boat", "cells": 6, "percent": 100.0}]
    rows = as_json(write_small(tmp_path / "c.h5", "context", value=0.25), IDS[0])["classes"]
    assert rows[0] == {"class": "dog", "alpha": 0.75}


def test_values_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    mask = np.array([[np.nan, 1], [np.inf, 2]], np.float32)
    path = write_small(tmp_path / "c.h5", "context", changed={IDS[0]: {"mask": mask}})
    row = as_json(path, IDS[0])["arrays"][0]
    assert (row["min"], row["max"], row["not finite"]) == (1.0, 2.0, 2)


def test_a_key_that_is_no_class(tmp_path: Path) -> None:
    path = write_small(tmp_path / "r.h5", "refined", changed={IDS[0]: {"keys": np.array([77])}})
    assert as_json(path, IDS[0])["classes"][0]["class"] == "class 77?"
    odd = {"alpha": np.zeros((2, 2), np.float32)}
    path = write_small(tmp_path / "c.h5", "context", changed={IDS[0]: odd})
    assert "do not fit an image of (8, 12) and 3 classes" in refused(path, IDS[0])


def test_lists_filters_and_pages(tmp_path: Path) -> None:
    path = write_small(tmp_path / "cams.h5", "cams")
    assert shown(path, "--list").splitlines() == [
        "2007_000001              8 x 12        boat",
        "2007_000032              8 x 12        boat, ring",
        "2008_000003              8 x 12        none",
    ]
    assert listed(path, "--class", "ring") == ["2007_000032"]
    assert listed(path, "--match", "2007_*") == list(IDS[:2])
    assert listed(path, "--match", "2007_*", "--class", "boat", "--page", 2, "--page-size", 1) == [
        "2007_000032"
    ]
    result = inspect(path, "--page", 1, "--page-size", 2)
    assert result.stdout.splitlines()[0].startswith("2007_000001")
    assert result.stderr == "page 1: images 1 to 2; more with --page 2\n"
    assert inspect(path, "--page", 2, "--page-size", 2).stderr == "page 2: images 3 to 3; no more\n"
    assert inspect(path, "--page", 9).stderr == "page 9: no images; no more\n"
    assert inspect(path, "--list").stderr == "3 images\n"
    found = as_json(path, "--class", "boat", "--page", 1, "--page-size", 1)
    assert found["images"] == [{"id": IDS[0], "height": 8, "width": 12, "classes": ["boat"]}]
    assert found["more"]


def test_class_where_it_is_predicted(tmp_path: Path) -> None:
    for kind in ("labels", "train_masks", "logits"):
        path = write_small(tmp_path / f"{kind}.h5", kind)
        assert listed(path, "--class", "boat") == list(IDS[:2])
        assert listed(path, "--class", "ring") == []
    message = refused(write_small(tmp_path / "c.h5", "context"), "--class", "boat")
    assert "does not say which classes an image has; ask the round's cams.h5" in message


def test_a_class_that_is_not_there(tmp_path: Path) -> None:
    path = write_small(tmp_path / "cams.h5", "cams")
    assert "has no class 'boot'; did you mean 'boat'?" in refused(path, "--class", "boot")
    assert "has no class 'zebra'; it has boat, dog, ring" in refused(path, "--class", "zebra")


def test_an_image_that_is_not_there(tmp_path: Path) -> None:
    path = write_small(tmp_path / "cams.h5", "cams")
    message = refused(path, "2007_00032")
    assert "has no image '2007_00032' among its 3; did you mean '2007_000032'" in message
    assert "it has 2007_000001, 2007_000032" in refused(path, "zzz")
    assert "it holds none" in refused(write_small(tmp_path / "c.h5", "confounders"), IDS[0])
