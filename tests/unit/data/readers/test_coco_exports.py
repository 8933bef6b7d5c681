"""COCO as labelling tools export it: names, boxes, brushes, numbers, folders."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conta_core.data.checking import check_data
from conta_core.data.readers.coco import coco_labels, read_coco, write_coco_masks
from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png
from conta_core.settings import DatasetSettings, Lists

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE = (24, 32)
SQUARE = [4, 4, 20, 4, 20, 16, 4, 16]


def image(number: int, name: str) -> dict[str, Any]:
    return {"id": number, "file_name": name, "height": SIZE[0], "width": SIZE[1]}


def drawn(number: int, of: int, category: int = 1, **changes: Any) -> dict[str, Any]:
    whole = {
        "id": number,
        "image_id": of,
        "category_id": category,
        "iscrowd": 0,
        "area": 192,
        "bbox": [4, 4, 16, 12],
        "segmentation": [SQUARE],
    }
    whole.update(changes)
    return {key: value for key, value in whole.items() if value is not ...}


def write(
    path: Path,
    images: Sequence[Mapping[str, Any]],
    annotations: Sequence[Mapping[str, Any]],
    categories: Mapping[int, str] | None = None,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = categories or {1: "cat", 2: "dog"}
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": i, "name": n, "supercategory": "none"} for i, n in names.items()],
    }
    path.write_text(json.dumps(content))


def photograph(path: Path, grey: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*SIZE, 3), grey, np.uint8)).save(path)


def settings(root: Path, train: str = "train", val: str = "val", **keys: Any) -> DatasetSettings:
    lists = Lists(train=train, val=val)
    return DatasetSettings(name="x", format="coco", root=str(root), lists=lists, **keys)


def pair(root: Path, annotations: Sequence[Mapping[str, Any]], **keys: Any) -> DatasetSettings:
    """Two images for training with these annotations, one for validation."""
    file = root / "annotations" / "instances_train.json"
    write(file, [image(1, "a.png"), image(2, "b.png")], annotations)
    write(root / "annotations" / "instances_val.json", [image(1, "c.png")], [drawn(1, 1)])
    for place in ("train/a.png", "train/b.png", "val/c.png"):
        photograph(root / place, grey=ord(place[-5]))
    return settings(root, **keys)


@pytest.mark.parametrize("missing", ["area", "iscrowd", "bbox"])
def test_what_may_be_missing(tmp_path: Path, missing: str) -> None:
    chosen = pair(tmp_path, [drawn(1, 1, **{missing: ...}), drawn(2, 2, 2)])
    manifest = read_coco(chosen)
    assert [record.tags for record in manifest.images.values()] == [("cat",), ("dog",), ("cat",)]
    assert not check_data(chosen).problems


@pytest.mark.parametrize("area", [0, None, 0.0])
def test_an_area_of_nothing_is_that_of_what_is_drawn(tmp_path: Path, area: Any) -> None:
    chosen = pair(tmp_path, [drawn(1, 1, area=area), drawn(2, 2, 2)])
    assert read_coco(chosen).images["a"].tags == ("cat",)
    assert dict(coco_labels(chosen))["a"][8, 8] == 1


@pytest.mark.parametrize("nothing", [[], None, ...])
def test_boxes_alone(tmp_path: Path, nothing: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Tags are there, masks are not: it trains, and there is no ground truth."""
    caplog.set_level(logging.WARNING)
    boxes = [drawn(1, 1, segmentation=nothing), drawn(2, 2, 2, segmentation=nothing)]
    chosen = pair(tmp_path, boxes)
    write_coco_masks(chosen, tmp_path / "masks")
    manifest = read_coco(chosen, tmp_path / "masks")
    assert [manifest.images[i].tags for i in "ab"] == [("cat",), ("dog",)]
    assert [manifest.images[i].mask is None for i in "abc"] == [True, True, False]
    assert "train: 2 objects have a box and no region" in caplog.text
    labels = read_label_png(tmp_path / "masks" / "a.png")
    assert (labels[4:16, 4:20] == 255).all()
    assert (labels == 255).sum() == 16 * 12
    assert not check_data(chosen).problems


def test_brushes_that_are_exported_as_crowds(tmp_path: Path) -> None:
    code = {"size": list(SIZE), "counts": [100, 60, SIZE[0] * SIZE[1] - 160]}
    brush = drawn(1, 1, iscrowd=1, segmentation=code)
    report = check_data(pair(tmp_path, [brush, drawn(2, 2, 2)]))
    (text,) = [one for one in report.warnings if "crowd" in one]
    assert text.startswith("train: 1 images have crowd regions alone (iscrowd 1)")
    assert ": a; " in text
    assert "set their iscrowd to 0" in text


@pytest.mark.parametrize("most", [100, 250])
def test_coordinates_of_another_scale(tmp_path: Path, most: int) -> None:
    """Percent of a large image, or of an image of another size."""
    large = {**image(1, "a.png"), "height": 1000, "width": 1000}
    corner = [0, 0, most * 0.9, 0, most * 0.9, most * 0.9, 0, most * 0.9]
    file = tmp_path / "annotations" / "instances_train.json"
    write(file, [large], [drawn(1, 1, segmentation=[corner], area=810_000)])
    write(tmp_path / "annotations" / "instances_val.json", [image(1, "c.png")], [drawn(1, 1)])
    report = check_data(settings(tmp_path))
    (text,) = [one for one in report.warnings if "area" in one]
    assert text.startswith("instances_train.json: in 1 images what is drawn of an object is less")
    assert "may be in percent" in text


@pytest.mark.parametrize("area", [..., 0])
def test_percent_where_a_box_alone_tells_the_size(tmp_path: Path, area: Any) -> None:
    corner = [2, 2, 8, 2, 8, 8, 2, 8]
    file = tmp_path / "annotations" / "instances_train.json"
    box = [0.0, 0.0, 30.0, 22.0]
    write(file, [image(1, "a.png")], [drawn(1, 1, segmentation=[corner], area=area, bbox=box)])
    report = check_data(settings(tmp_path, val="train"))
    assert any("less than a fifth of the area" in text for text in report.warnings)


def test_a_thin_object_fills_little_of_its_box(tmp_path: Path) -> None:
    ski = [0, 0, 31, 23, 30, 23]
    file = tmp_path / "annotations" / "instances_train.json"
    box = [0.0, 0.0, 31.0, 23.0]
    write(file, [image(1, "a.png")], [drawn(1, 1, segmentation=[ski], area=..., bbox=box)])
    report = check_data(settings(tmp_path, val="train"))
    assert not any("fifth" in text for text in report.warnings)


def test_two_files_joined_without_new_numbers(tmp_path: Path) -> None:
    images = [image(1, "a.png"), image(2, "b.png"), image(1, "c.png"), image(2, "d.png")]
    file = tmp_path / "annotations" / "instances_train.json"
    write(file, images, [drawn(1, 1), drawn(1, 2)])
    with pytest.raises(ContaError) as raised:
        read_coco(settings(tmp_path, val="train"))
    assert f"{file}: 2 image ids are given to several images (1: a.png, c.png; 2:" in str(
        raised.value
    )


def test_one_image_that_is_described_twice_is_one(tmp_path: Path) -> None:
    file = tmp_path / "annotations" / "instances_train.json"
    write(file, [image(1, "a.png"), image(1, "a.png")], [drawn(1, 1)])
    assert list(read_coco(settings(tmp_path, val="train")).images) == ["a"]


@pytest.mark.parametrize("classes", [None, ("dog", "cat")])
@pytest.mark.parametrize("of_val", [{4: "cat"}, {0: "cat", 9: "dog"}, {2: "dog", 5: "cat"}])
def test_categories_are_matched_by_name(
    tmp_path: Path, of_val: dict[int, str], classes: tuple[str, ...] | None
) -> None:
    chosen = pair(tmp_path, [drawn(1, 1), drawn(2, 2, 2)], classes=classes)
    cat = next(number for number, name in of_val.items() if name == "cat")
    file = tmp_path / "annotations" / "instances_val.json"
    write(file, [image(1, "c.png")], [drawn(1, 1, cat)], of_val)
    manifest = read_coco(chosen)
    assert manifest.classes == (classes or ("cat", "dog"))
    assert manifest.images["c"].tags == ("cat",)
    assert dict(coco_labels(chosen))["c"].max() == manifest.classes.index("cat") + 1


def test_a_category_of_the_validation_list_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    chosen = pair(tmp_path, [drawn(1, 1), drawn(2, 2, 2)])
    file = tmp_path / "annotations" / "instances_val.json"
    write(file, [image(1, "c.png")], [drawn(1, 1, 3)], {1: "cat", 3: "owl"})
    manifest = read_coco(chosen)
    assert manifest.classes == ("cat", "dog")
    assert "the list val has categories that train does not have: owl" in caplog.text
    assert dict(coco_labels(chosen))["c"].max() == 255


@pytest.mark.parametrize("name", ["background", "_background_", "__ignore__", "Void"])
def test_reserved_names(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    file = tmp_path / "annotations" / "instances_train.json"
    images = [image(1, "a.png"), image(2, "b.png")]
    write(file, images, [drawn(1, 1, 1), drawn(2, 2, 2)], {1: name, 2: "dog"})
    chosen = settings(tmp_path, val="train", allow_untagged=True)
    manifest = read_coco(chosen)
    assert manifest.classes == ("dog",)
    assert manifest.images["a"].tags == ()
    assert f"the categories {name} are left out" in caplog.text
    is_background = "background" in name
    assert dict(coco_labels(chosen))["a"].max() == (0 if is_background else 255)


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("IMG 001 (2).png", "IMG 001 (2)"),
        ("Küche.png", "Küche"),
        ("猫.png", "猫"),
        ("day 1/a.png", "day 1/a"),
        ("day1/a.png", "day1/a"),
        ("day1\\a.png", "day1/a"),
    ],
)
def test_names_of_images(tmp_path: Path, name: str, own: str) -> None:
    file = tmp_path / "annotations" / "instances_train.json"
    write(file, [image(1, name)], [drawn(1, 1)])
    photograph(tmp_path / "train" / name.replace("\\", "/"))
    chosen = settings(tmp_path, val="train")
    (record,) = read_coco(chosen).images.values()
    assert record.own_name == own
    assert not check_data(chosen).problems


def test_one_name_in_two_folders(tmp_path: Path) -> None:
    images = [image(1, "day1/a.png"), image(2, "day2/a.png")]
    file = tmp_path / "annotations" / "instances_train.json"
    write(file, images, [drawn(1, 1), drawn(2, 2)])
    manifest = read_coco(settings(tmp_path, val="train"))
    assert len(manifest.images) == 2
    assert [r.own_name for r in manifest.images.values()] == ["day1/a", "day2/a"]


@pytest.mark.parametrize("name", ["C:\\Users\\me\\a.png", "/data/upload/a.png", "../a.png"])
def test_paths_of_another_machine(tmp_path: Path, name: str) -> None:
    file = tmp_path / "annotations" / "instances_train.json"
    write(file, [image(1, name)], [drawn(1, 1)])
    photograph(tmp_path / "train" / "a.png")
    report = check_data(settings(tmp_path, val="train"))
    assert not report.problems
    assert report.manifest is not None
    assert list(report.manifest.images) == ["a"]


def test_images_that_lie_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "annotations" / "instances_train.json"
    write(file, [image(1, "a.png"), image(2, "b.png")], [drawn(1, 1), drawn(2, 2)])
    photograph(tmp_path / "photos" / "one" / "a.png", 1)
    photograph(tmp_path / "photos" / "two" / "b.png", 2)
    report = check_data(settings(tmp_path, val="train"))
    assert not report.problems
    assert any("2 of 2 images of train lie elsewhere" in text for text in report.warnings)


def test_what_is_in_place_stays_and_the_rest_is_found(tmp_path: Path) -> None:
    file = tmp_path / "annotations" / "instances_train.json"
    write(file, [image(1, "a.png"), image(2, "b.png")], [drawn(1, 1), drawn(2, 2)])
    photograph(tmp_path / "train" / "a.png", 1)
    photograph(tmp_path / "other" / "a.png", 2)
    photograph(tmp_path / "other" / "b.png", 3)
    report = check_data(settings(tmp_path, val="train"))
    assert not report.problems
    assert report.manifest is not None
    assert report.manifest.images["a"].image == str(tmp_path / "train" / "a.png")
    assert report.manifest.images["b"].image == str(tmp_path / "other" / "b.png")


def test_one_file_for_two_images_is_for_none(tmp_path: Path) -> None:
    """Two entries lack their file, and one file has the last part of both names."""
    file = tmp_path / "annotations" / "instances_train.json"
    write(file, [image(1, "p/x.png"), image(2, "q/x.png")], [drawn(1, 1), drawn(2, 2, 2)])
    photograph(tmp_path / "other" / "x.png")
    (tmp_path / "train").mkdir()
    report = check_data(settings(tmp_path, val="train"))
    assert len([p for p in report.problems if p.kind in ("images", "folders")]) == 2


@pytest.mark.parametrize(
    "names", [("a.png", "a.png"), ("/d1/a.png", "/d2/a.png"), ("a.png", "a.jpg")]
)
def test_two_entries_of_one_name(tmp_path: Path, names: tuple[str, str]) -> None:
    file = tmp_path / "annotations" / "instances_train.json"
    write(file, [image(1, names[0]), image(2, names[1])], [drawn(1, 1), drawn(2, 2, 2)])
    with pytest.raises(ContaError) as raised:
        read_coco(settings(tmp_path, val="train"))
    text = str(raised.value)
    assert (
        f"instances_train.json, image 2: its file_name {names[1]!r} is that of image 1, too" in text
    )


def roboflow(root: Path) -> DatasetSettings:
    """An export "COCO": the json beside the images, an empty category 0."""
    for place, name in (("train", "a_jpg.rf.0123.jpg"), ("valid", "b_jpg.rf.4567.jpg")):
        photograph(root / place / name, grey=len(place))
        categories = {0: "animals", 1: "cat", 2: "dog"}
        annotations = [drawn(0, 0), drawn(1, 0, 2, bbox=[20, 4, 6, 6], segmentation=[], area=36)]
        write(root / place / "_annotations.coco.json", [image(0, name)], annotations, categories)
    return settings(root, "train", "valid")


def cvat(root: Path) -> DatasetSettings:
    """An export "COCO 1.0": one json, ids from 1, images in a folder of their own."""
    write(root / "annotations" / "instances_default.json", [image(1, "cat 1.jpg")], [drawn(1, 1)])
    photograph(root / "images" / "cat 1.jpg")
    return settings(root, "default", "default")


def label_studio(root: Path) -> DatasetSettings:
    """An export "COCO": result.json, ids from 0, file names with the folder, no iscrowd of 0."""
    annotations = [drawn(0, 0, 0, iscrowd=0, ignore=0)]
    name = "images\\\\1234abcd-cat.jpg".replace("\\\\", "\\")
    write(root / "result.json", [image(0, name)], annotations, {0: "cat"})
    photograph(root / "images" / "1234abcd-cat.jpg")
    return settings(root, "result", "result")


@pytest.mark.parametrize("export", [roboflow, cvat, label_studio])
def test_exports(tmp_path: Path, export: Any) -> None:
    chosen = export(tmp_path)
    report = check_data(chosen)
    assert not report.problems
    assert report.manifest is not None
    for record in report.manifest.images.values():
        assert "cat" in record.tags
        assert Path(record.image).is_file()
    assert report.ground_truth is not None
