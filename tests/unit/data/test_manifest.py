from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conta_core.data.image_ids import check_image_id
from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest, mask_values_of
from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    labels = np.array([[0, 1, 2], [3, 4, 255]], np.uint8)
    write_label_png(tmp_path / "a.png", labels)
    records = [
        ImageRecord("a", "a.jpg", 2, 3, ("dog", "cat"), mask=str(tmp_path / "a.png")),
        ImageRecord("b", "b.jpg", 4, 5, ()),
        ImageRecord("c", "c.jpg", 4, 5, ("dog",)),
    ]
    return Manifest(
        name="mine",
        classes=("cat", "dog"),
        lists={"train": ("b", "a"), "val": ("c", "a")},
        list_names={"train": "train_aug", "val": "val"},
        images={record.id: record for record in records},
        ground_truth="masks",
        mask_values=mask_values_of(("bird", "cat", "cow", "dog"), ("cat", "dog")),
    )


def spoil(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text())
    content.update(changes)
    path.write_text(json.dumps(content))


def refused(path: Path) -> str:
    with pytest.raises(ContaError) as raised:
        Manifest.load(path)
    assert str(path) in str(raised.value)
    return str(raised.value)


def test_what_is_saved_is_loaded(manifest: Manifest, tmp_path: Path) -> None:
    manifest.save(tmp_path / "dataset.json")
    assert Manifest.load(tmp_path / "dataset.json") == manifest


def test_lists_and_tags(manifest: Manifest) -> None:
    assert manifest.class_names == ("background", "cat", "dog")
    assert manifest.ids("train", "val") == ["b", "a", "c"]
    assert manifest.has_masks("train")
    assert not replace(manifest, lists={"train": ("b",)}).has_masks("train")
    np.testing.assert_array_equal(manifest.tag_indices("a"), [0, 1])
    assert manifest.tag_indices("b").shape == (0,)
    np.testing.assert_array_equal(manifest.tag_vector("c"), np.float32([0, 1]))
    assert manifest.images["a"].size == (2, 3)


def test_values_of_a_mask_are_translated(manifest: Manifest) -> None:
    np.testing.assert_array_equal(manifest.read_mask("a"), [[0, 255, 1], [255, 2, 255]])


def test_image_without_a_mask(manifest: Manifest) -> None:
    with pytest.raises(ContaError, match="b: no ground-truth mask in the manifest"):
        manifest.read_mask("b")


def test_mask_that_changed_since(manifest: Manifest, tmp_path: Path) -> None:
    write_label_png(tmp_path / "a.png", np.zeros((3, 3), np.uint8))
    with pytest.raises(ContaError, match=r"a\.png: size \(3, 3\) but the image a has \(2, 3\)"):
        manifest.read_mask("a")


def test_mask_that_was_lost(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "a.png").unlink()
    with pytest.raises(ContaError, match=r"a\.png"):
        manifest.read_mask("a")


@pytest.mark.parametrize("image_id", ["a", "2007_000032", "000000000139", "a.b-c_d", "0"])
def test_ids_that_can_be_file_names(image_id: str) -> None:
    assert check_image_id(image_id, "list") == image_id


@pytest.mark.parametrize(
    "image_id",
    ["", "a/b", "/a", "..", "../a", "a..b", ".a", "-a", "a b", "a\\b", "a\0", "a\n", "ä", "a:b"],
)
def test_ids_that_cannot(image_id: str) -> None:
    with pytest.raises(ContaError) as raised:
        check_image_id(image_id, "train.txt, line 3")
    assert str(raised.value).startswith(f"train.txt, line 3: image id {image_id!r}")
    assert "rename the image" in str(raised.value)


def test_ids_are_checked_on_loading(manifest: Manifest, tmp_path: Path) -> None:
    path = tmp_path / "dataset.json"
    manifest.save(path)
    path.write_text(path.read_text().replace('"b"', '"../b"'))
    assert "'../b'" in refused(path)


def test_missing_file(tmp_path: Path) -> None:
    assert "run index_dataset again" in refused(tmp_path / "none.json")


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_file_cut_off(manifest: Manifest, tmp_path: Path, part: float) -> None:
    path = tmp_path / "dataset.json"
    manifest.save(path)
    text = path.read_text()
    path.write_text(text[: int(part * len(text))])
    assert "not a manifest" in refused(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "its format is not conta-dataset"),
        ({"format_version": 9}, "its version is 9, expected 2"),
        ({"lists": {"train": ["a", "x"], "val": []}}, "['x']"),
        ({"images": []}, "not a manifest"),
        ({"classes": None}, "not a manifest"),
        ({"images": {"a": {"image": "a.jpg", "tags": []}}}, "not a manifest"),
    ],
)
def test_another_content(
    manifest: Manifest, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "dataset.json"
    manifest.save(path)
    spoil(path, **changes)
    assert message in refused(path)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"x"'])
def test_json_of_another_kind(tmp_path: Path, text: str) -> None:
    path = tmp_path / "dataset.json"
    path.write_text(text)
    assert "not a manifest" in refused(path)


def test_values_of_a_restricted_class_list() -> None:
    assert mask_values_of(("a", "b", "c"), ("c", "a")) == {0: 0, 3: 1, 1: 2}


@pytest.mark.parametrize("name", ["../../up", "b", "/etc/passwd", "a\nb"])
def test_a_name_that_is_another_images(manifest: Manifest, tmp_path: Path, name: str) -> None:
    """What exports write below a folder must not leave it."""
    record = replace(manifest.images["a"], name=name)
    replace(manifest, images={**manifest.images, "a": record}).save(tmp_path / "d.json")
    with pytest.raises(ContaError, match="the image a has the name of another"):
        Manifest.load(tmp_path / "d.json")
