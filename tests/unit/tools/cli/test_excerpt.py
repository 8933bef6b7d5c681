from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from conta_core.data.excerpt import choose
from conta_core.data.index import check_images
from conta_core.data.manifest import Manifest
from conta_core.data.readers.folder import read_folder
from conta_core.data.readers.voc import read_voc
from conta_core.errors import ContaError
from conta_core.images.photographs import read_image
from conta_core.settings import DatasetSettings
from conta_core.tools.cli.app import app

CLASSES = ("dog", "cat", "sofa")


@pytest.fixture
def recipe(tmp_path: Path, make_voc: Callable[..., Path]) -> Path:
    """Of a VOC tree of 10 dogs, 4 cats, 2 dogs on sofas and 3 validation images."""
    dogs = {f"2007_0000{i:02}": ["dog", "sofa"] if i in (3, 7) else ["dog"] for i in range(10)}
    cats = {f"2008_0000{i:02}": ["cat"] for i in range(4)}
    val = {f"2009_0000{i:02}": ["dog", "car"] for i in range(3)}
    root = make_voc(train={**dogs, **cats}, val=val, size=(36, 48))
    path = tmp_path / "recipe.yaml"
    dataset = {"name": "voc", "format": "voc", "root": str(root), "classes": list(CLASSES)}
    path.write_text(yaml.safe_dump({"dataset": dataset}))
    return path


def manifest_of(recipe: Path) -> Manifest:
    return check_images(read_voc(settings_of(recipe.read_text())))


def settings_of(text: str) -> DatasetSettings:
    return DatasetSettings.model_validate_json(json.dumps(yaml.safe_load(text)["dataset"]))


def call(recipe: Path, folder: Path, *options: object) -> Result:
    words = ["excerpt", recipe, folder, "--workers", 1, *options]
    return CliRunner().invoke(app, [str(word) for word in words])


def read(folder: Path) -> Manifest:
    settings = DatasetSettings(name="copy", format="folder", root=str(folder), classes=CLASSES)
    return check_images(read_folder(settings))


def test_a_whole_copy_holds_the_same_pixels_tags_and_masks(recipe: Path, tmp_path: Path) -> None:
    assert call(recipe, tmp_path / "copy").exit_code == 0
    old, new = manifest_of(recipe), read(tmp_path / "copy")
    assert new.lists == old.lists
    for image_id, record in old.images.items():
        assert new.images[image_id].tags == record.tags
        assert (read_image(new.images[image_id].image) == read_image(record.image)).all()
        assert (new.read_mask(image_id) == old.read_mask(image_id)).all()
    assert 255 in new.read_mask("2009_000000")


def test_images_and_masks_are_scaled_down_together(recipe: Path, tmp_path: Path) -> None:
    assert call(recipe, tmp_path / "copy", "--long-side", 24).exit_code == 0
    old, new = manifest_of(recipe), read(tmp_path / "copy")
    record = new.images["2007_000003"]
    assert record.size == (18, 24)
    expected = cv2.resize(
        read_image(old.images["2007_000003"].image), (24, 18), interpolation=cv2.INTER_AREA
    )
    assert (read_image(record.image) == expected).all()
    # nearest, by the centres of the cells: of two rows the lower
    assert (new.read_mask("2007_000003") == old.read_mask("2007_000003")[1::2, 1::2]).all()


def test_smaller_images_stay(recipe: Path, tmp_path: Path) -> None:
    assert call(recipe, tmp_path / "copy", "--long-side", 300).exit_code == 0
    assert {r.size for r in read(tmp_path / "copy").images.values()} == {(36, 48)}


def test_rare_classes_are_chosen_first(recipe: Path) -> None:
    manifest = manifest_of(recipe)
    chosen = choose(manifest, manifest.ids("train"), 9)
    tags = Counter(tag for i in chosen for tag in manifest.images[i].tags)
    assert len(chosen) == len(set(chosen)) == 9
    # both sofas, then half of the 7 that are left for cats, and the rest for dogs
    assert tags == {"sofa": 2, "cat": 3, "dog": 6}
    assert chosen == [i for i in manifest.ids("train") if i in chosen]


@pytest.mark.parametrize("count", [1, 2, 5, 13, 14, 20, None])
def test_never_more_than_asked(recipe: Path, count: int | None) -> None:
    ids = manifest_of(recipe).ids("train")
    chosen = choose(manifest_of(recipe), ids, count)
    assert len(chosen) == min(len(ids), count or len(ids))


def test_untagged_images_fill_up(make_voc: Callable[..., Path]) -> None:
    root = make_voc(train={"2007_000001": ["dog"]}, val={f"2008_{i:06}": [] for i in range(8)})
    manifest = read_voc(DatasetSettings(name="voc", format="voc", root=str(root)))
    assert choose(manifest, manifest.ids("val"), 4) == [f"2008_{i:06}" for i in (0, 2, 4, 6)]


def test_the_command_prints_counts_and_the_recipe(recipe: Path, tmp_path: Path) -> None:
    result = call(recipe, tmp_path / "copy", "--train", 9, "--val", 2)
    lines = result.output.splitlines()
    assert lines[0] == f"{tmp_path / 'copy'}: 9 train, 2 val"
    assert lines[1:4] == [
        "  dog: 6 train, 2 val",
        "  cat: 3 train, 0 val",
        "  sofa: 2 train, 0 val",
    ]
    assert check_images(read_folder(settings_of(lines[4]))).classes == CLASSES


def test_a_made_data_set_is_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "shapes.yaml"
    dataset = {"images": {"train": 12, "val": 2}, "size": 64}
    path.write_text(yaml.safe_dump({"dataset": dataset}))
    assert call(path, tmp_path / "copy", "--train", 6).exit_code == 0
    assert len(list((tmp_path / "copy" / "images").iterdir())) == 8


def test_workers_write_the_same(recipe: Path, tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        words = ["excerpt", str(recipe), str(tmp_path / name), "--workers", str(workers)]
        assert CliRunner().invoke(app, words).exit_code == 0
    one, two = (
        {p.relative_to(f): hashlib.sha256(p.read_bytes()).digest() for p in f.rglob("*.*")}
        for f in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two
    assert one


def test_a_folder_that_is_there_is_left_alone(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine.txt").write_text("mine")
    result = call(recipe, tmp_path / "copy")
    assert isinstance(result.exception, ContaError)
    assert "is there already; expected a new folder" in str(result.exception)
    assert (tmp_path / "copy" / "mine.txt").read_text() == "mine"


def test_a_damaged_image_leaves_nothing_behind(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> np.ndarray:
        raise ContaError("x.jpg: unreadable")

    monkeypatch.setattr("conta_core.data.image_record.ImageRecord.read_image", fail)
    assert isinstance(call(recipe, tmp_path / "copy").exception, ContaError)
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == []
