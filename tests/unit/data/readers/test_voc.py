from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conta_core.data.index import check_images
from conta_core.data.masks import write_label_png
from conta_core.data.problems import Problem
from conta_core.data.readers.voc import VOC_CLASSES, read_voc
from conta_core.data.readers.voc_lists import read_list
from conta_core.data.synthetic.context_shapes import CLASSES
from conta_core.errors import ContaError
from conta_core.evaluation.scores.score_files import score_entry
from conta_core.settings import DatasetSettings, Lists

MakeVoc = Callable[..., Path]


def _settings(root: Path, **keys: Any) -> DatasetSettings:
    return DatasetSettings(name="voc", format="voc", root=str(root), **keys)


def test_reads_lists_tags_and_masks(make_voc: MakeVoc) -> None:
    root = make_voc()
    manifest = read_voc(_settings(root))
    assert manifest.classes == VOC_CLASSES
    assert manifest.lists == {"train": ("2007_000001", "2007_000002"), "val": ("2007_000003",)}
    assert manifest.list_names == {"train": "train", "val": "val"}
    record = manifest.images["2007_000001"]
    assert set(record.tags) == {"dog", "sofa"}
    assert record.image == str(root / "JPEGImages" / "2007_000001.jpg")
    assert record.mask == str(root / "SegmentationClass" / "2007_000001.png")
    assert record.context_map is None
    assert manifest.ground_truth is not None
    assert "SegmentationClass" in manifest.ground_truth


def test_tags_from_masks_equal_those_of_the_annotations(make_voc: MakeVoc) -> None:
    root = make_voc()
    masks, annotations = (read_voc(_settings(root, tags=t)) for t in ("masks", "annotations"))
    assert masks == annotations


def test_chosen_classes_reorder_values_and_drop_others(make_voc: MakeVoc) -> None:
    manifest = read_voc(_settings(make_voc(), classes=("sofa", "dog")))
    assert manifest.images["2007_000001"].tags == ("sofa", "dog")
    assert manifest.images["2007_000002"].tags == ()
    values = manifest.mask_values
    assert values[0] == 0
    assert values[VOC_CLASSES.index("sofa") + 1] == 1
    assert values[VOC_CLASSES.index("dog") + 1] == 2
    assert values[VOC_CLASSES.index("cat") + 1] == 255


def test_augmented_masks_are_preferred(make_voc: MakeVoc) -> None:
    make_voc()
    manifest = read_voc(_settings(make_voc(masks="SegmentationClassAug")))
    assert "SegmentationClassAug" in str(manifest.images["2007_000001"].mask)


def test_without_masks(make_voc: MakeVoc) -> None:
    root = make_voc(masks=None)
    manifest = read_voc(_settings(root))
    assert manifest.ground_truth is None
    assert not manifest.has_masks("train")
    with pytest.raises(ContaError, match=r"no mask to take tags from.*dataset.tags: annotations"):
        read_voc(_settings(root, tags="masks"))


def test_sbd_lines_and_blank_lines(make_voc: MakeVoc) -> None:
    root = make_voc()
    (root / "ImageSets/Segmentation/train_aug.txt").write_text(
        "/JPEGImages/2007_000001.jpg /SegmentationClassAug/2007_000001.png\n\n2007_000002  \n"
    )
    manifest = read_voc(_settings(root, lists=Lists(train="train_aug")))
    assert manifest.lists["train"] == ("2007_000001", "2007_000002")
    assert manifest.list_names["train"] == "train_aug"


@pytest.mark.parametrize("bad", ["../2007_000001", "sub/2007_000001", "2007_000001 1", "a..b"])
def test_ids_that_are_paths_are_refused(make_voc: MakeVoc, bad: str) -> None:
    root = make_voc()
    (root / "ImageSets/Segmentation/train.txt").write_text(f"2007_000001\n{bad}\n")
    with pytest.raises(ContaError, match=r"train.txt, line 2: image (id|name)"):
        read_voc(_settings(root))


def test_sbd_line_cannot_smuggle_a_path(make_voc: MakeVoc) -> None:
    root = make_voc()
    (root / "ImageSets/Segmentation/train.txt").write_text("/JPEGImages/../../x.jpg /S/x.png\n")
    with pytest.raises(ContaError, match="image name"):
        read_voc(_settings(root))


def test_missing_and_empty_lists(make_voc: MakeVoc) -> None:
    root = make_voc()
    with pytest.raises(
        ContaError, match=r"trainaug.txt: no such list.*'train', 'val'.*lists.train"
    ):
        read_voc(_settings(root, lists=Lists(train="trainaug")))
    (root / "ImageSets/Segmentation/val.txt").write_text("\n")
    with pytest.raises(ContaError, match=r"val.txt: an empty list"):
        read_voc(_settings(root))


def test_annotation_problems_come_together(make_voc: MakeVoc) -> None:
    root = make_voc(train={"a": ["dgo"], "b": ["dog"], "c": ["dog"]})
    (root / "Annotations" / "b.xml").unlink()
    (root / "Annotations" / "c.xml").write_text("<annotation><object>")
    with pytest.raises(ContaError) as raised:
        read_voc(_settings(root))
    message = str(raised.value)
    assert "3 problems" in message
    assert "a.xml: object 'dgo' is no class; did you mean 'dog'?" in message
    assert "b.xml: no such annotation" in message
    assert "c.xml: unreadable annotation" in message


def test_hostile_xml_is_refused(make_voc: MakeVoc) -> None:
    root = make_voc()
    (root / "Annotations" / "2007_000002.xml").write_text(
        '<!DOCTYPE a [<!ENTITY x "dog">]><annotation><object><name>&x;</name></object></annotation>'
    )
    with pytest.raises(ContaError, match=r"2007_000002.xml: refused"):
        read_voc(_settings(root))


def test_unknown_chosen_class(make_voc: MakeVoc) -> None:
    with pytest.raises(ContaError, match=r"'hors' is no class.*did you mean 'horse'"):
        read_voc(_settings(make_voc(), classes=("dog", "hors")))


def test_unreadable_mask_as_a_source_of_tags(make_voc: MakeVoc) -> None:
    root = make_voc()
    (root / "SegmentationClass" / "2007_000002.png").write_bytes(b"no png")
    with pytest.raises(ContaError, match=r"2007_000002.png: unreadable mask"):
        read_voc(_settings(root, tags="masks"))


def test_masks_of_wrong_values_give_no_tag(make_voc: MakeVoc) -> None:
    root = make_voc()
    labels = np.full((12, 16), 77, np.uint8)
    write_label_png(root / "SegmentationClass" / "2007_000002.png", labels)
    assert read_voc(_settings(root, tags="masks")).images["2007_000002"].tags == ()


def test_context_shapes(tiny_shapes: Path) -> None:
    manifest = read_voc(DatasetSettings(), tiny_shapes)
    assert manifest.classes == CLASSES
    assert len(manifest.lists["train"]) == 8
    record = manifest.images["val_000003"]
    assert record.tags
    assert record.context_map == str(tiny_shapes / "ContextMaps" / "val_000003.png")
    assert manifest == read_voc(DatasetSettings(tags="masks"), tiny_shapes)


def test_real_voc(shared_data: Callable[[str], Path]) -> None:
    root = shared_data("voc12_fullsize")
    lists = Lists(train="val", val="val")
    manifest = read_voc(_settings(root, lists=lists, tags="masks", classes=("dog", "person")))
    assert len(manifest.lists["val"]) == 60
    assert {"dog", "person"} == {tag for r in manifest.images.values() for tag in r.tags}
    assert set(manifest.mask_values.values()) == {0, 1, 2, 255}


def test_lists_of_the_mirrors(make_voc: MakeVoc) -> None:
    root = make_voc(masks="SegmentationClassAug")
    folder = root / "ImageSets" / "SegmentationAug"
    folder.mkdir()
    (folder / "train_aug.txt").write_text(
        "/JPEGImages/2007_000002.jpg /SegmentationClassAug/2007_000002.png\n"
    )
    (folder / "val.txt").write_text("2007_000001\n")
    manifest = read_voc(_settings(root, lists=Lists(train="train_aug")))
    assert manifest.lists["train"] == ("2007_000002",)
    assert manifest.lists["val"] == ("2007_000003",)  # the devkit's own comes first
    with pytest.raises(ContaError, match=r"that folder has \['train', 'train_aug', 'val'\]"):
        read_voc(_settings(root, lists=Lists(train="trainval")))


def test_a_line_with_another_images_mask(make_voc: MakeVoc) -> None:
    root = make_voc()
    (root / "ImageSets/Segmentation/train.txt").write_text(
        "/JPEGImages/2007_000001.jpg /SegmentationClassAug/2007_000002.png\n"
    )
    with pytest.raises(ContaError, match=r"line 1: the image 2007_000001 with the mask Segm"):
        read_voc(_settings(root))


@pytest.mark.parametrize("folder", ["SegmentationClass", "SegmentationClassAug", None])
def test_an_augmented_list_needs_its_masks(make_voc: MakeVoc, folder: str | None) -> None:
    root = make_voc(masks=folder)
    if folder:
        (root / folder / "2007_000002.png").unlink()
    lists = root / "ImageSets/Segmentation"
    (lists / "train_aug.txt").write_text("2007_000001\n2007_000002\n")
    with pytest.raises(ContaError) as raised:
        read_voc(_settings(root, lists=Lists(train="train_aug")))
    message = str(raised.value)
    assert "the list train_aug counts on the masks of SBD's images" in message
    assert "2007_000002" in message
    assert str(root / (folder or "SegmentationClassAug")) in message
    assert "there is no folder SegmentationClassAug" in message or folder == "SegmentationClassAug"
    assert "put SegmentationClassAug (12,031 PNG files for VOC 2012) there" in message
    # a list that names those masks counts on them, whatever its name
    pair = "/JPEGImages/{0}.jpg /SegmentationClassAug/{0}.png\n"
    (lists / "mine.txt").write_text(pair.format("2007_000001") + pair.format("2007_000002"))
    with pytest.raises(ContaError, match="the list mine counts on the masks"):
        read_voc(_settings(root, lists=Lists(train="mine")))
    # SBD's masks may also lie among VOC's own
    if folder:
        write_label_png(root / folder / "2007_000002.png", np.zeros((12, 16), np.uint8))
        manifest = read_voc(_settings(root, lists=Lists(train="train_aug")))
        assert manifest.ground_truth == f"{folder} of {root}"


@pytest.mark.parametrize("source", ["annotations", "masks"])
def test_the_test_list_has_neither_tags_nor_masks(
    make_voc: MakeVoc, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_voc(val={"2008_000006": [], "2008_000011": []})
    (root / "ImageSets/Segmentation/val.txt").rename(root / "ImageSets/Segmentation/test.txt")
    for image_id in ("2008_000006", "2008_000011"):
        (root / "Annotations" / f"{image_id}.xml").unlink()
        (root / "SegmentationClass" / f"{image_id}.png").unlink()
    settings = _settings(root, lists=Lists(val="test"), tags=source)
    manifest = check_images(read_voc(settings))
    assert manifest.list_names["val"] == "test"
    assert not manifest.has_masks("val")
    assert [manifest.images[i].tags for i in manifest.lists["val"]] == [(), ()]
    assert f"the validation list test has no {source} to take tags from" in caplog.text
    entry = score_entry(np.zeros((21, 22), int), manifest=manifest, list_name="val", images=0)
    assert entry["miou"] is None
    assert entry["why"] == "the list 'test' has no ground-truth masks"
    # one annotation of the list alone is a hole in it
    (root / "Annotations" / "2008_000011.xml").write_text("<annotation/>")
    if source == "annotations":
        with pytest.raises(ContaError, match=r"2008_000006.xml: no such annotation"):
            read_voc(settings)


def test_problems_may_be_collected(make_voc: MakeVoc) -> None:
    root = make_voc(train={"a": ["dog"], "b": ["dog"]})
    (root / "Annotations" / "b.xml").unlink()
    problems: list[Problem] = []
    manifest = read_voc(_settings(root), problems=problems)
    assert [p.kind for p in problems] == ["annotations"]
    assert manifest.images["b"].tags == ()


def test_the_lists_of_voc_2012(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    source = shared_data("voc12_aug")
    lists = tmp_path / "ImageSets" / "SegmentationAug"
    lists.mkdir(parents=True)
    for name in ("train_aug", "val"):
        (lists / f"{name}.txt").write_bytes((source / f"{name}.txt").read_bytes())
    train, val = (read_list(tmp_path, name, "train") for name in ("train_aug", "val"))
    assert (len(train.ids), len(val.ids)) == (10_582, 1_449)
    assert (train.augmented, val.augmented) == (True, False)
    assert not set(train.ids) & set(val.ids)
