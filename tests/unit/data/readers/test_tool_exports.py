"""Data sets as labelling tools export them, each read by three lines of a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conta_core.data.index import check_images
from conta_core.data.manifest import Manifest
from conta_core.data.reading import files_to_watch, read_dataset
from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png
from conta_core.settings import DatasetSettings, Lists

SIZE = (12, 16)


def _photograph(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(path)


def _labels(values: Sequence[int]) -> np.ndarray:
    """Background, and a row of each value."""
    labels = np.zeros(SIZE, np.uint8)
    for row, value in enumerate(values):
        labels[row] = value
    return labels


def _mask(path: Path, values: Sequence[int], colours: dict[int, Any] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = _labels(values)
    if colours is None:
        write_label_png(path, labels)
    else:
        table = np.zeros((256, 3), np.uint8)
        for value, colour in colours.items():
            table[value] = colour
        Image.fromarray(table[labels]).save(path)


def _settings(root: Path, form: str, **keys: Any) -> DatasetSettings:
    return DatasetSettings(name="x", format=form, root=str(root), tags="masks", **keys)


def _read(root: Path, form: str, **keys: Any) -> Manifest:
    settings = _settings(root, form, **keys)
    assert all(Path(path).is_file() for path in files_to_watch(settings))
    return check_images(read_dataset(settings, None))


def _values(manifest: Manifest, image_id: str) -> list[int]:
    return np.unique(manifest.read_mask(image_id)).tolist()


def cvat(root: Path) -> None:
    (root / "ImageSets/Segmentation").mkdir(parents=True)
    (root / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nleaf:50,183,250::\nstem:250,50,83::\n"
    )
    colours = {1: (50, 183, 250), 2: (250, 50, 83)}
    for name, values in {"shot 1": [1], "shot 2": [2], "a": [1, 2]}.items():
        _photograph(root / f"JPEGImages/{name}.png")
        _mask(root / f"SegmentationClass/{name}.png", values, colours)
        _mask(root / f"SegmentationObject/{name}.png", values, colours)
    (root / "ImageSets/Segmentation/default.txt").write_text("shot 1\nshot 2\na\n")


def test_cvat_segmentation_mask(tmp_path: Path) -> None:
    cvat(tmp_path)
    manifest = _read(tmp_path, "voc", lists=Lists(train="default", val="default"))
    assert manifest.classes == ("leaf", "stem")
    tags = {record.own_name: record.tags for record in manifest.images.values()}
    assert tags == {"shot 1": ("leaf",), "shot 2": ("stem",), "a": ("leaf", "stem")}
    assert _values(manifest, "a") == [0, 1, 2]
    chosen = _read(
        tmp_path, "voc", lists=Lists(train="default", val="default"), classes=("stem", "leaf")
    )
    assert chosen.images["a"].tags == ("stem", "leaf")
    assert (chosen.read_mask("a")[0] == 2).all()
    assert Manifest.load(_saved(chosen, tmp_path)) == chosen


def _saved(manifest: Manifest, folder: Path) -> Path:
    manifest.save(folder / "dataset.json")
    return folder / "dataset.json"


def test_cvat_mask_of_another_colour(tmp_path: Path) -> None:
    cvat(tmp_path)
    _mask(tmp_path / "SegmentationClass/a.png", [1], {1: (50, 183, 251)})
    with pytest.raises(ContaError, match=r"label map does not name, among them \(50, 183, 251\)"):
        _read(tmp_path, "voc", lists=Lists(train="default", val="default"))


@pytest.mark.parametrize("folder", ["SegmentationClass", "SegmentationClassPNG"])
@pytest.mark.parametrize("lists", [False, True])
def test_labelme2voc(
    folder: str, lists: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its older versions write arrays into SegmentationClass; none writes lists."""
    (tmp_path / "class_names.txt").write_text("_background_\ncat\ndog\n")
    (tmp_path / "SegmentationClass").mkdir()
    for name, values in {"2011_01": [1], "2011_02": [2, 255], "2011_03": [1, 2]}.items():
        _photograph(tmp_path / f"JPEGImages/{name}.jpg")
        _mask(tmp_path / folder / f"{name}.png", values)
        (tmp_path / f"SegmentationClassVisualization/{name}.jpg").parent.mkdir(exist_ok=True)
        np.save(tmp_path / f"SegmentationClass/{name}.npy", _labels(values))
    if lists:
        (tmp_path / "ImageSets/Segmentation").mkdir(parents=True)
        for name, text in {"train": "2011_01\n2011_02\n", "val": "2011_03\n"}.items():
            (tmp_path / f"ImageSets/Segmentation/{name}.txt").write_text(text)
    manifest = _read(tmp_path, "voc")
    assert manifest.classes == ("cat", "dog")
    assert [manifest.images[f"2011_0{i}"].tags for i in (1, 2, 3)] == [
        ("cat",), ("dog",), ("cat", "dog"),
    ]  # fmt: skip
    assert len(manifest.lists["train"]) == (2 if lists else 3)
    assert _values(manifest, "2011_02") == [0, 2, 255]
    assert f"{tmp_path}/class_names.txt: names the classes, in place of VOC's: cat, dog" in (
        caplog.text
    )


@pytest.mark.parametrize("valid", [True, False])
def test_roboflow(valid: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    members = {"train": {"a_jpg.rf.0f": [1], "b c_jpg.rf.1e": [2]}, "valid": {"d_mask": [1, 2]}}
    for folder, images in members.items():
        if folder == "valid" and not valid:
            continue
        for name, values in images.items():
            _photograph(tmp_path / folder / f"{name}.jpg")
            _mask(tmp_path / folder / f"{name}_mask.png", values)
        text = "Pixel Value, Class\n0, background\n1, cat\n2, dog\n"
        (tmp_path / folder / "_classes.csv").write_text(text)
    manifest = _read(tmp_path, "folder", lists=Lists(train="train", val="valid"))
    assert manifest.classes == ("cat", "dog")
    assert [manifest.images[i].tags for i in manifest.lists["train"]] == [("cat",), ("dog",)]
    assert [manifest.images[i].own_name for i in manifest.lists["train"]] == [
        "a_jpg.rf.0f", "b c_jpg.rf.1e",
    ]  # fmt: skip
    assert manifest.lists["val"] == (("d_mask",) if valid else ())
    assert ("valid: no such folder: the validation list is empty" in caplog.text) != valid


def test_supervisely_masks(tmp_path: Path) -> None:
    (tmp_path / "obj_class_to_machine_color.json").write_text('{"kiwi": [1,1,1], "fig": [2,2,2]}')
    grey = {1: (1, 1, 1), 2: (2, 2, 2)}
    for folder, name, values in (
        ("ds0", "k.jpg", [1]),
        ("ds0", "l.png", [2]),
        ("ds1", "m.jpg", [2]),
    ):
        stem = Path(name).stem
        _photograph(tmp_path / folder / "img" / name)
        _mask(tmp_path / folder / "masks_machine" / f"{stem}.png", values, grey)
        _mask(tmp_path / folder / "masks_human" / f"{stem}.png", values, {1: (200, 10, 10)})
    (tmp_path / "ds1/masks_machine/m.png").rename(tmp_path / "ds1/masks_machine/m.jpg.png")
    manifest = _read(tmp_path, "folder", lists=Lists(train="ds0", val="ds1"))
    assert manifest.classes == ("kiwi", "fig")
    assert [manifest.images[i].tags for i in "klm"] == [("kiwi",), ("fig",), ("fig",)]
    assert _values(manifest, "m") == [0, 2]


def test_supervisely_voc(tmp_path: Path) -> None:
    (tmp_path / "colors.txt").write_text("neutral 224 224 192\nkiwi 255 0 0\nlemon 81 198 170\n")
    (tmp_path / "ImageSets/Segmentation").mkdir(parents=True)
    colours = {1: (255, 0, 0), 2: (81, 198, 170), 3: (224, 224, 192)}
    for list_name, name, values in (("train", "k", [1, 3]), ("val", "l", [2, 3])):
        _photograph(tmp_path / f"JPEGImages/{name}.jpg")
        _mask(tmp_path / f"SegmentationClass/{name}.png", values, colours)
        (tmp_path / f"ImageSets/Segmentation/{list_name}.txt").write_text(f"{name}\n")
    manifest = _read(tmp_path, "voc")
    assert [manifest.images[i].tags for i in "kl"] == [("kiwi",), ("lemon",)]
    assert [_values(manifest, i) for i in "kl"] == [[0, 1, 255], [0, 2, 255]]


def test_folders_of_masks_that_say_too_little(tmp_path: Path) -> None:
    lists = Lists(train="a", val="b")
    with pytest.raises(ContaError, match=r"a: no such folder, and no .*tags.csv"):
        read_dataset(_settings(tmp_path, "folder", lists=lists), None)
    _photograph(tmp_path / "a/1.jpg")
    with pytest.raises(ContaError, match=r"a: no label map; expected _classes.csv"):
        read_dataset(_settings(tmp_path, "folder", lists=lists), None)
    (tmp_path / "labelmap.txt").write_text("background:0,0,0::\ncat:128,0,0::\n")
    with pytest.raises(ContaError, match=r"1 images have no mask to take tags from"):
        read_dataset(_settings(tmp_path, "folder", lists=lists), None)
    _mask(tmp_path / "a/1_mask.png", [1])
    _photograph(tmp_path / "b/1.jpg")
    _mask(tmp_path / "b/1_mask.png", [1])
    with pytest.raises(ContaError, match=r"b/1.jpg: a photograph of that name is in both lists"):
        read_dataset(_settings(tmp_path, "folder", lists=lists), None)
    (tmp_path / "b/labelmap.txt").write_text("background:0,0,0::\ndog:128,0,0::\n")
    with pytest.raises(ContaError, match=r"b/labelmap.txt: names the classes dog, but"):
        read_dataset(_settings(tmp_path, "folder", lists=lists), None)
