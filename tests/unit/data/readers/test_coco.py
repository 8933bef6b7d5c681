from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conta_core.data.index import check_images
from conta_core.data.readers.coco import read_coco, write_coco_masks
from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png
from conta_core.settings import DatasetSettings, Lists

#: pycocotools with numpy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CATEGORIES = {1: "person", 3: "airplane", 7: "couch"}


def _box(number: int, image: int, category: int, x: int, y: int, w: int, h: int) -> dict[str, Any]:
    polygon = [x, y, x + w, y, x + w, y + h, x, y + h]
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "iscrowd": 0,
        "area": w * h,
        "segmentation": [polygon],
    }


def _crowd(number: int, image: int, category: int, mask: np.ndarray) -> dict[str, Any]:
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat])))
    counts = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "iscrowd": 1,
        "area": int(mask.sum()),
        "segmentation": {"size": list(mask.shape), "counts": counts},
    }


def _images(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": n, "file_name": f"{n:012d}.jpg", "height": 20, "width": 30} for n in numbers]


def _write(root: Path, name: str, images: list[Any], annotations: list[Any]) -> None:
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    categories = [{"id": i, "name": n} for i, n in reversed(CATEGORIES.items())]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations" / f"instances_{name}.json").write_text(json.dumps(content))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    crowd = np.zeros((20, 30), np.uint8)
    crowd[15:, :10] = 1
    _write(
        tmp_path,
        "train",
        _images(1, 2, 3),
        [
            _box(11, 1, 1, 4, 4, 3, 3),
            _box(12, 1, 7, 2, 2, 20, 10),
            _box(13, 1, 3, 25, 0, 5, 5),
            _crowd(14, 1, 1, crowd),
            _crowd(15, 2, 7, crowd),
        ],
    )
    _write(tmp_path, "val", _images(8, 9), [_box(21, 8, 1, 0, 0, 5, 5)])
    return tmp_path


def _settings(root: Path, **keys: Any) -> DatasetSettings:
    return DatasetSettings(name="coco", format="coco", root=str(root), **keys)


def test_all_categories_by_ascending_id(root: Path) -> None:
    manifest = read_coco(_settings(root))
    assert manifest.classes == ("person", "airplane", "couch")
    assert manifest.images["000000000001"].tags == ("person", "airplane", "couch")
    assert manifest.images["000000000001"].image == str(root / "train" / "000000000001.jpg")
    assert manifest.ground_truth is None
    assert manifest.mask_values == {0: 0, 1: 1, 2: 2, 3: 3}


def test_untagged_training_images_are_left_out_unless_allowed(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        manifest = read_coco(_settings(root))
    assert manifest.lists["train"] == ("000000000001",)
    assert manifest.lists["val"] == ("000000000008", "000000000009")
    assert "train: left out 2 images without a tag of the 3 classes, 1 stay" in caplog.text
    manifest = read_coco(_settings(root, allow_untagged=True))
    assert len(manifest.lists["train"]) == 3
    assert manifest.images["000000000002"].tags == ()  # a crowd gives no tag


def test_voc_names_stand_for_categories(root: Path) -> None:
    manifest = read_coco(_settings(root, classes=("sofa", "aeroplane")))
    assert manifest.classes == ("sofa", "aeroplane")
    assert manifest.images["000000000001"].tags == ("sofa", "aeroplane")
    with pytest.raises(ContaError, match="one category twice"):
        read_coco(_settings(root, classes=("sofa", "couch")))


def test_unknown_class(root: Path) -> None:
    with pytest.raises(ContaError, match=r"'persn' is no class.*did you mean 'person'"):
        read_coco(_settings(root, classes=("persn",)))


def test_masks(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    settings = _settings(root, classes=("sofa", "person"))
    write_coco_masks(settings, folder)
    assert len(list(folder.iterdir())) == 5
    labels = read_label_png(folder / "000000000001.png")
    assert labels.shape == (20, 30)
    assert labels[5, 5] == 2  # the small person over the large sofa
    assert labels[8, 15] == 1
    assert labels[2, 27] == 255  # a category that was not chosen
    assert labels[17, 3] == 255  # crowd
    assert labels[19, 29] == 0
    assert not read_label_png(folder / "000000000003.png").any()
    manifest = read_coco(settings, folder)
    assert manifest.images["000000000008"].mask == str(folder / "000000000008.png")
    assert manifest.ground_truth is not None


def test_objects_lie_over_crowds(root: Path, tmp_path: Path) -> None:
    crowd = np.ones((20, 30), np.uint8)
    _write(root, "val", _images(8), [_box(1, 8, 3, 3, 3, 4, 4), _crowd(2, 8, 1, crowd)])
    write_coco_masks(_settings(root), tmp_path / "masks")
    labels = read_label_png(tmp_path / "masks" / "000000000008.png")
    assert labels[5, 5] == 2
    assert labels[15, 15] == 255


def test_annotation_that_cannot_be_drawn(root: Path, tmp_path: Path) -> None:
    broken = _box(31, 8, 1, 0, 0, 5, 5) | {"segmentation": {"size": [20, 30]}}
    _write(root, "val", _images(8), [broken])
    with pytest.raises(ContaError, match=r"000000000008: annotation 31 cannot be drawn"):
        write_coco_masks(_settings(root), tmp_path / "masks")
    assert not (tmp_path / "masks").exists()


@pytest.mark.parametrize("name", ["", "..", "a\0.jpg", "b\n.jpg", "/"])
def test_file_names_that_are_none(root: Path, name: str) -> None:
    _write(root, "val", [{"id": 1, "file_name": name, "height": 1, "width": 1}], [])
    with pytest.raises(ContaError, match=r"instances_val.json, image 1: image name"):
        read_coco(_settings(root))


def test_missing_malformed_and_empty_files(root: Path) -> None:
    with pytest.raises(
        ContaError, match=r"no such annotations; that folder has \['train', 'val'\]"
    ):
        read_coco(_settings(root, lists=Lists(train="train2014")))
    path = root / "annotations" / "instances_val.json"
    for text in ("{", "[]", '{"images": [{"id": 1}], "annotations": [], "categories": []}'):
        path.write_text(text)
        with pytest.raises(ContaError, match="no COCO instance annotations"):
            read_coco(_settings(root))
    _write(root, "val", [], [])
    with pytest.raises(ContaError, match="names no image"):
        read_coco(_settings(root))


def test_one_id_for_two_images(root: Path) -> None:
    _write(root, "val", _images(1), [])
    with pytest.raises(ContaError, match="000000000001 names two images"):
        read_coco(_settings(root))


def test_images_may_lie_in_a_folder_of_images(root: Path) -> None:
    (root / "images" / "train").mkdir(parents=True)
    manifest = read_coco(_settings(root))
    assert manifest.images["000000000001"].image.startswith(str(root / "images" / "train"))
    assert manifest.images["000000000008"].image.startswith(str(root / "val"))


def test_all_annotations_that_cannot_be_drawn_come_together(root: Path, tmp_path: Path) -> None:
    few = _box(31, 8, 1, 0, 0, 5, 5) | {"segmentation": [[1, 1, 2, 2]]}
    none = _box(32, 9, 1, 0, 0, 5, 5) | {"segmentation": []}
    stray = [_box(33, 77, 1, 0, 0, 5, 5), _box(34, 8, 99, 0, 0, 5, 5)]
    _write(root, "val", _images(8, 9), [few, none, *stray])
    with pytest.raises(ContaError) as raised:
        write_coco_masks(_settings(root), tmp_path / "masks")
    message = str(raised.value)
    assert "4 problems" in message
    assert "instances_val.json, image 000000000008: annotation 31 cannot be drawn" in message
    assert "annotation 32 cannot be drawn: no polygon" in message
    assert "annotation 33 is of the image 77, which the file does not describe" in message
    assert "annotation 34 is of the category 99" in message
    assert not (tmp_path / "masks").exists()


def test_sizes_of_images_are_numbers_of_pixels(root: Path) -> None:
    _write(root, "val", [_images(8)[0] | {"height": 0}], [])
    with pytest.raises(ContaError, match="image 8 is 30 x 0 pixels"):
        read_coco(_settings(root))


def test_images_that_are_absent(root: Path) -> None:
    with pytest.raises(ContaError) as raised:
        check_images(read_coco(_settings(root)))
    message = str(raised.value)
    assert "2 problems" in message
    assert f"{root}/val: no such folder; expected 2 images there" in message
    assert "000000000008.jpg" in message
    assert "unpack them there, or mend dataset.root" in message


def test_nothing_is_printed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read_coco(_settings(root))
    assert capsys.readouterr().out == ""


def test_real_coco(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    root = shared_data("coco2017_tiny")
    settings = _settings(
        root,
        lists=Lists(train="train2017", val="val2017"),
        classes=("person", "motorbike", "tvmonitor"),
    )
    write_coco_masks(settings, tmp_path / "masks")
    manifest = read_coco(settings, tmp_path / "masks")
    assert len(manifest.lists["val"]) == 80
    for image_id in manifest.ids("train", "val"):
        values = set(np.unique(read_label_png(tmp_path / "masks" / f"{image_id}.png")))
        assert values <= {0, 1, 2, 3, 255}
        seen = {manifest.classes[value - 1] for value in values & {1, 2, 3}}
        assert seen <= set(manifest.images[image_id].tags)


def test_the_official_classes_and_names_of_2014(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    """The same photographs under the names that COCO 2014 gives them."""
    source = shared_data("coco2017_tiny")
    for year17, year14 in (("train2017", "train2014"), ("val2017", "val2014")):
        content = json.loads((source / "annotations" / f"instances_{year17}.json").read_text())
        content["images"] = content["images"][:5]
        kept = {image["id"] for image in content["images"]}
        content["annotations"] = [a for a in content["annotations"] if a["image_id"] in kept]
        (tmp_path / year14).mkdir()
        for image in content["images"]:
            name = f"COCO_{year14}_{image['file_name']}"
            (tmp_path / year14 / name).symlink_to(source / year17 / image["file_name"])
            image["file_name"] = name
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations" / f"instances_{year14}.json").write_text(json.dumps(content))
    settings = _settings(tmp_path, lists=Lists(train="train2014", val="val2014"))
    write_coco_masks(settings, tmp_path / "masks")
    manifest = check_images(read_coco(settings, tmp_path / "masks"))
    assert len(manifest.classes) == 80
    assert manifest.classes[:3] == ("person", "bicycle", "car")
    assert manifest.classes[11:13] == ("stop sign", "parking meter")  # ids 13 and 14: 12 is none
    assert manifest.classes[-1] == "toothbrush"
    assert all(i.startswith("COCO_val2014_000000") for i in manifest.lists["val"])
