from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from exported_run import SIZES, labels_of, write_exported_run
from PIL import Image
from pycocotools.coco import COCO

from conta_core.data.image_ids import image_id_of
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png, voc_palette, write_label_png
from conta_core.tools.exporting.pseudo_masks import (
    coco_numbers_of,
    usual_numbers,
    write_coco_masks,
    write_voc_masks,
)
from conta_core.tools.exporting.run_files import find_round


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_exported_run(tmp_path / "results" / "mine")


def test_voc(run: Path, tmp_path: Path) -> None:
    assert list(write_voc_masks(find_round(run, 1), tmp_path / "out")) == list(SIZES)
    assert {p.name for p in (tmp_path / "out").iterdir()} == {f"{i}.png" for i in SIZES}
    for number, (image_id, size) in enumerate(SIZES.items()):
        found = read_label_png(tmp_path / "out" / f"{image_id}.png")
        np.testing.assert_array_equal(found, labels_of(size, 1 + number))
    with Image.open(tmp_path / "out/0001.png") as image:
        assert image.getpalette() == voc_palette().ravel().tolist()


NAMES = ("IMG 001 (2)", "day 1/Küche", "猫")


@pytest.fixture
def named(run: Path) -> Path:
    """The run, of photographs whose owner calls them otherwise than their ids."""
    manifest = Manifest.load(run / "dataset.json")
    ids = dict(zip(SIZES, (image_id_of(name, "") for name in NAMES), strict=True))
    images = {
        ids[i]: replace(manifest.images[i], id=ids[i], name=name, image=f"/photos/{name}.jpg")
        for i, name in zip(SIZES, NAMES, strict=True)
    }
    others = {i: record for i, record in manifest.images.items() if i not in ids}
    lists = {k: tuple(ids.get(i, i) for i in members) for k, members in manifest.lists.items()}
    replace(manifest, images=images | others, lists=lists).save(run / "dataset.json")
    for masks in run.glob("round-*/pseudo_masks"):
        for old, new in ids.items():
            if (masks / f"{old}.png").exists():
                (masks / f"{old}.png").rename(masks / f"{new}.png")
    return run


def test_owners_names(named: Path, tmp_path: Path) -> None:
    files = find_round(named, 1)
    list(write_voc_masks(files, tmp_path / "out"))
    found = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.png")}
    assert found == {f"{name}.png" for name in NAMES}
    numbers = usual_numbers(files.manifest())
    list(write_coco_masks(files, tmp_path / "coco.json", numbers))
    content = json.loads((tmp_path / "coco.json").read_text(encoding="utf-8"))
    assert [entry["file_name"] for entry in content["images"]] == [f"{n}.jpg" for n in NAMES]
    # and these annotations are known again by the same run
    again = coco_numbers_of(tmp_path / "coco.json", files.manifest())
    assert set(again.images or ()) == set(files.manifest().ids("train"))


def check_coco(path: Path, categories: dict[int, int], index: int) -> COCO:
    """Every pixel of every class comes back; categories: pixel value -> category id."""
    coco = COCO(str(path))
    for entry in coco.imgs.values():
        image_id = Path(entry["file_name"]).stem
        expected = labels_of(SIZES[image_id], index + list(SIZES).index(image_id))
        assert (entry["height"], entry["width"]) == expected.shape
        for value, category in categories.items():
            found = coco.loadAnns(coco.getAnnIds(entry["id"], category))
            assert len(found) == int((expected == value).any())
            for annotation in found:
                pixels = coco.annToMask(annotation).astype(bool)
                np.testing.assert_array_equal(pixels, expected == value)
                assert annotation["area"] == pixels.sum()
                rows, columns = np.nonzero(pixels)
                x, y = columns.min(), rows.min()
                box = [x, y, columns.max() - x + 1, rows.max() - y + 1]
                assert annotation["bbox"] == box
    return coco


def test_coco(run: Path, tmp_path: Path) -> None:
    files = find_round(run)
    assert files.index == 1  # round 2 has no model
    path = tmp_path / "out" / "masks.json"
    assert list(write_coco_masks(files, path, usual_numbers(files.manifest()))) == list(SIZES)
    coco = check_coco(path, {1: 1, 2: 2, 3: 3}, 1)
    assert [c["name"] for c in coco.loadCats([1, 2, 3])] == ["cat", "dog", "boat"]
    assert sorted(coco.imgs) == [1, 2, 3]
    assert coco.imgs[1]["file_name"] == "0001.jpg"


def test_coco_with_the_numbers_of_the_data_set(run: Path, tmp_path: Path) -> None:
    own = {
        "categories": [
            {"id": n, "name": name} for n, name in ((9, "boat"), (17, "cat"), (18, "dog"))
        ],
        "images": [{"id": 70 + n, "file_name": f"{i}.jpeg"} for n, i in enumerate(SIZES)],
    }
    (tmp_path / "own.json").write_text(json.dumps(own))
    files = find_round(run, 0)
    numbers = coco_numbers_of(tmp_path / "own.json", files.manifest())
    list(write_coco_masks(files, tmp_path / "masks.json", numbers))
    coco = check_coco(tmp_path / "masks.json", {1: 17, 2: 18, 3: 9}, 0)
    assert {n: e["file_name"] for n, e in coco.imgs.items()} == {
        70: "0001.jpeg", 71: "0002.jpeg", 72: "b_3.jpeg"
    }  # fmt: skip
    for key, text in (("categories", "has no category 'boat'"), ("images", "has no image 0001")):
        (tmp_path / "own.json").write_text(json.dumps({**own, key: own[key][1:]}))
        with pytest.raises(ContaError, match=text):
            coco_numbers_of(tmp_path / "own.json", files.manifest())
    (tmp_path / "own.json").write_text("[]")
    with pytest.raises(ContaError, match="no COCO annotations"):
        coco_numbers_of(tmp_path / "own.json", files.manifest())


def test_broken_masks(run: Path, tmp_path: Path) -> None:
    path = run / "round-1/pseudo_masks/0002.png"
    for labels in (np.zeros((3, 4)), np.full(SIZES["0002"], 4)):
        write_label_png(path, labels)
        with pytest.raises(ContaError, match=r"0002\.png: a mask of .* expected 31 x 25, 0 to 3"):
            list(write_voc_masks(find_round(run), tmp_path / "out"))
    path.unlink()
    with pytest.raises(ContaError, match=r"lacks the masks of 1 images, among them \['0002'\]"):
        list(write_voc_masks(find_round(run), tmp_path / "out"))
    assert not (tmp_path / "out").exists()
