from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from conta_core.data.index import check_images
from conta_core.data.manifest import Manifest
from conta_core.data.problems import refuse
from conta_core.data.readers.voc import read_voc
from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png
from conta_core.settings import DatasetSettings, Lists
from conta_core.stages.index_dataset import index_dataset
from conta_core.stages.make_coco_masks import make_coco_masks

#: pycocotools with numpy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

MakeVoc = Callable[..., Path]


def _settings(root: Path, **keys: Any) -> DatasetSettings:
    return DatasetSettings(name="voc", format="voc", root=str(root), **keys)


def _problems(root: Path, **keys: Any) -> str:
    with pytest.raises(ContaError) as raised:
        check_images(read_voc(_settings(root, **keys)))
    return str(raised.value)


def test_sizes_are_filled_in(make_voc: MakeVoc) -> None:
    manifest = check_images(read_voc(_settings(make_voc(size=(12, 16)))))
    assert {record.size for record in manifest.images.values()} == {(12, 16)}


def test_workers_find_the_same(tiny_shapes: Path) -> None:
    manifest = read_voc(DatasetSettings(), tiny_shapes)
    assert check_images(manifest, 2) == check_images(manifest, 1)


def _lose_an_image(root: Path) -> None:
    (root / "JPEGImages" / "2007_000002.jpg").unlink()


def _lose_the_images(root: Path) -> None:
    (root / "JPEGImages").rename(root / "Images")


def _name_an_image_thrice(root: Path) -> None:
    (root / "ImageSets/Segmentation/train.txt").write_text("2007_000001\n" * 3 + "2007_000002\n")


def _name_an_image_that_is_not_there(root: Path) -> None:
    (root / "ImageSets/Segmentation/val.txt").write_text("2007_000003\n2007_999999\n")
    (root / "Annotations" / "2007_999999.xml").write_text("<annotation/>")


def _lay_a_mask_on_its_side(root: Path) -> None:
    write_label_png(root / "SegmentationClass" / "2007_000001.png", np.zeros((16, 12), np.uint8))


def _put_an_unknown_class_into_a_mask(root: Path) -> None:
    labels = np.full((12, 16), 21, np.uint8)
    write_label_png(root / "SegmentationClass" / "2007_000001.png", labels)


def _make_context_maps_of_zeros_for_two(root: Path) -> None:
    (root / "ContextMaps").mkdir()
    for image_id in ("2007_000001", "2007_000002"):
        labels = np.zeros((12, 16), np.uint8)
        write_label_png(root / "ContextMaps" / f"{image_id}.png", labels)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_lose_an_image, ["1 problem", "2007_000002.jpg: no such image"]),
        (
            _lose_the_images,
            ["1 problem", "/voc/JPEGImages: no such folder; expected 3 images there"],
        ),
        (_name_an_image_thrice, ["the list train names 2007_000001 3 times"]),
        (
            _name_an_image_that_is_not_there,
            [
                "2007_999999.jpg: no such image; expected a file there",
                "take its id off the list",
                "1 images of the validation list val have no mask, others have one",
            ],
        ),
        (
            _lay_a_mask_on_its_side,
            ["2007_000001.png: 12 x 16 pixels but", "is 16 x 12 pixels"],
        ),
        (
            _put_an_unknown_class_into_a_mask,
            ["2007_000001.png: holds the values [21]; expected 0-20, 255"],
        ),
        (
            _make_context_maps_of_zeros_for_two,
            [
                "3 problems",
                "2007_000001.png: holds the values [0]; expected 1-20",
                "2007_000003.png: no such mask",
            ],
        ),
    ],
)
def test_what_is_wrong_is_told(
    make_voc: MakeVoc, damage: Callable[[Path], None], told: list[str]
) -> None:
    root = make_voc()
    damage(root)
    message = _problems(root)
    assert [part for part in told if part not in message] == []


def test_truncated_jpeg(make_voc: MakeVoc) -> None:
    root = make_voc(size=(64, 64))
    path = root / "JPEGImages" / "2007_000001.jpg"
    path.write_bytes(path.read_bytes()[:-900])
    assert "2007_000001.jpg: unreadable image" in _problems(root)


def test_classes_left_out_on_purpose_are_no_surprise(make_voc: MakeVoc) -> None:
    root = make_voc()
    labels = np.full((12, 16), 20, np.uint8)
    write_label_png(root / "SegmentationClass" / "2007_000001.png", labels)
    check_images(read_voc(_settings(root, classes=("dog", "cat"))))


def test_untagged_training_image(make_voc: MakeVoc, caplog: pytest.LogCaptureFixture) -> None:
    root = make_voc(train={"a": ["dog"], "b": [], "c": ["cat"]}, val={"d": []})
    message = _problems(root, classes=("dog",))
    assert "2 images of the training list train have no tag of dog: b, c" in message
    assert "dataset.allow_untagged: true" in message
    manifest = read_voc(_settings(root, classes=("dog",)))
    with caplog.at_level("INFO"):
        checked = check_images(manifest, allow_untagged=True)
    assert len(checked.lists["train"]) == 3
    assert "2 training images have no tag: b, c" in caplog.text


def test_lists_that_are_empty(make_voc: MakeVoc, caplog: pytest.LogCaptureFixture) -> None:
    manifest = read_voc(_settings(make_voc()))
    check_images(replace(manifest, lists={**manifest.lists, "val": ()}))
    assert "the validation list is empty" in caplog.text
    with pytest.raises(ContaError, match="the training list train is empty"):
        check_images(replace(manifest, lists={**manifest.lists, "train": ()}))


def test_an_image_in_both_lists_is_a_warning(
    make_voc: MakeVoc, caplog: pytest.LogCaptureFixture
) -> None:
    check_images(read_voc(_settings(make_voc(), lists=Lists(train="train", val="train"))))
    assert "2 images are in both lists" in caplog.text


def test_lists_with_masks_for_some(make_voc: MakeVoc, caplog: pytest.LogCaptureFixture) -> None:
    root = make_voc(train={"a": ["dog"], "b": ["dog"]}, val={"c": ["dog"], "d": ["dog"]})
    (root / "SegmentationClass" / "b.png").unlink()
    check_images(read_voc(_settings(root)))
    assert "1 of 2 training images have no mask" in caplog.text
    (root / "SegmentationClass" / "d.png").unlink()
    assert "1 images of the validation list val have no mask, others have one: d" in _problems(root)


def test_all_problems_at_once_up_to_twenty(make_voc: MakeVoc) -> None:
    root = make_voc(train={f"i{k}": ["dog"] for k in range(25)})
    for path in (root / "JPEGImages").glob("i*.jpg"):
        path.unlink()
    message = _problems(root)
    assert "25 problems" in message
    assert message.count("\n  - ") == 20
    assert message.endswith("... and 5 more")


def test_table_in_the_log(make_voc: MakeVoc, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        check_images(read_voc(_settings(make_voc(), classes=("dog", "cat", "bus"))))
    rows = {line.split()[0]: line.split()[1:] for line in caplog.text.splitlines() if line}
    assert rows["images"] == ["2", "1"]
    assert rows["dog"] == ["1", "0"]
    assert rows["untagged"] == ["0", "1"]
    assert "no training image has the tag bus" in caplog.text


def test_nothing_to_refuse() -> None:
    refuse([], "x")


def test_stage_on_context_shapes(tiny_shapes: Path, tmp_path: Path) -> None:
    output = tmp_path / "dataset.json"
    index_dataset(settings=DatasetSettings(), made=str(tiny_shapes), output=str(output))
    manifest = Manifest.load(output)
    assert manifest.name == "context-shapes"
    image_id = manifest.lists["train"][0]
    mask = manifest.read_mask(image_id)
    assert mask.shape == (64, 64)
    assert set(np.unique(mask)) - {0} == set(manifest.tag_indices(image_id) + 1)
    with pytest.raises(ContaError, match="run make_context_shapes"):
        index_dataset(settings=DatasetSettings(), made=None, output=str(output))


def test_stage_on_voc_writes_nothing_on_bad_input(make_voc: MakeVoc, tmp_path: Path) -> None:
    root = make_voc()
    output = tmp_path / "dataset.json"
    index_dataset(settings=_settings(root), made=None, output=str(output))
    assert Manifest.load(output).has_masks("val")
    output.unlink()
    _lose_an_image(root)
    with pytest.raises(ContaError):
        index_dataset(settings=_settings(root), made=None, output=str(output))
    assert not output.exists()


def test_stage_on_a_folder(make_voc: MakeVoc, tmp_path: Path) -> None:
    root = make_voc()
    rows = "".join(f"JPEGImages/2007_00000{k}.jpg,dog\n" for k in (1, 2))
    (root / "tags.csv").write_text("image,tags\n" + rows)
    settings = DatasetSettings(name="mine", format="folder", root=str(root))
    index_dataset(settings=settings, made=None, output=str(tmp_path / "dataset.json"))
    manifest = Manifest.load(tmp_path / "dataset.json")
    assert manifest.images["2007_000001"].size == (12, 16)


def test_stages_on_real_coco(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    settings = DatasetSettings(
        name="coco",
        format="coco",
        root=str(shared_data("coco2017_tiny")),
        lists=Lists(train="train2017", val="val2017"),
    )
    masks, output = str(tmp_path / "masks"), str(tmp_path / "dataset.json")
    make_coco_masks(settings=settings, output=masks)
    index_dataset(settings=settings, made=masks, output=output)
    manifest = Manifest.load(output)
    assert len(manifest.classes) == 80
    image_id = manifest.lists["val"][0]
    assert manifest.read_mask(image_id).shape == manifest.images[image_id].size


def test_stage_on_real_voc(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    settings = _settings(
        shared_data("voc12_animals"),
        lists=Lists(train="train", val="val"),
        tags="masks",
        classes=("dog", "cat", "person", "horse", "sheep", "cow", "chair", "sofa"),
    )
    output = tmp_path / "dataset.json"
    index_dataset(settings=settings, made=None, output=str(output))
    manifest = Manifest.load(output)
    assert (len(manifest.lists["train"]), len(manifest.lists["val"])) == (328, 325)
    for image_id in manifest.lists["val"][:10]:
        values = set(np.unique(manifest.read_mask(image_id))) - {0, 255}
        assert values == set(manifest.tag_indices(image_id) + 1)


def test_rotated_images(make_voc: MakeVoc, caplog: pytest.LogCaptureFixture) -> None:
    root = make_voc()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (16, 12)).save(root / "JPEGImages/2007_000001.jpg", exif=exif)
    # the mask lies in the stored orientation: good, and told
    manifest = check_images(read_voc(_settings(root)))
    assert manifest.images["2007_000001"].size == (12, 16)
    assert "1 images ask by EXIF to be rotated, which is not done" in caplog.text
    # the mask lies in the orientation that viewers show
    _lay_a_mask_on_its_side(root)
    message = _problems(root)
    assert "the image asks by EXIF for orientation 6, which is not applied" in message
    assert "rotate its pixels and drop that tag" in message
