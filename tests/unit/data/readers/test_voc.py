from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conta_core.data.index import check_images
from conta_core.data.problems import Problem
from conta_core.data.readers.voc import VOC_CLASSES, read_voc
from conta_core.data.readers.voc_lists import read_list
from conta_core.data.synthetic.context_shapes import CLASSES
from conta_core.errors import ContaError
from conta_core.evaluation.scores.score_files import score_entry
from conta_core.images.masks import write_label_png
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
    with pytest.raises(ContaError, match=r"train.txt, line 2: image id"):
        read_voc(_settings(root))


def test_sbd_line_cannot_smuggle_a_path(make_voc: MakeVoc) -> None:
    root = make_voc()
    (root / "ImageSets/Segmentation/train.txt").write_text("/JPEGImages/../../x.jpg /S/x.png\n")
    with pytest.raises(ContaError, match="image id"):
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


@pytest.mark.parametrize("ending", [".JPG", ".jpeg", ".png", ".PNG", ".Jpg", ".tif"])
def test_photographs_of_any_ending(make_voc: MakeVoc, ending: str) -> None:
    root = make_voc()
    for path in (root / "JPEGImages").iterdir():
        path.rename(path.with_suffix(ending))
    manifest = read_voc(_settings(root))
    assert all(Path(record.image).suffix == ending for record in manifest.images.values())
    assert all(Path(record.image).is_file() for record in manifest.images.values())


def test_jpg_comes_first(make_voc: MakeVoc) -> None:
    root = make_voc()
    (root / "JPEGImages/2007_000001.png").touch()
    (root / "JPEGImages/2007_000002.JPG").touch()
    images = read_voc(_settings(root)).images
    assert images["2007_000001"].image == str(root / "JPEGImages/2007_000001.jpg")
    assert images["2007_000002"].image == str(root / "JPEGImages/2007_000002.jpg")


@pytest.mark.parametrize(
    "line",
    [
        "{0}  1",
        "{0} -1",
        "{0}\t0",
        "/JPEGImages/{0}.jpg\t/SegmentationClass/{0}.png",
        "JPEGImages/{0}.jpg SegmentationClassAug/{0}.png",
        "VOC2012/JPEGImages/{0}.jpg,VOC2012/SegmentationClass/{0}.png",
        "/home/me/voc/JPEGImages/{0}.jpg   /home/me/voc/labels/{0}.png",
        "C:\\voc\\JPEGImages\\{0}.jpg",
        "data/train/{0}.jpg",
        "./{0}.JPG",
        "{0}.jpg",
    ],
)
def test_lists_of_other_kinds(
    make_voc: MakeVoc, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_voc(masks="SegmentationClassAug")
    ids = ("2007_000001", "2007_000002")
    text = "".join(line.format(image_id) + "\r\n" for image_id in ids)
    (root / "ImageSets/Segmentation/train.txt").write_text(text)
    manifest = read_voc(_settings(root))
    assert manifest.lists["train"] == ids
    assert ("train.txt: has a label behind each of its 2 images" in caplog.text) == (
        line[3:].strip() in ("1", "-1", "0")
    )


def test_a_list_of_image_sets_main(make_voc: MakeVoc, caplog: pytest.LogCaptureFixture) -> None:
    root = make_voc()
    (root / "ImageSets/Main").mkdir()
    (root / "ImageSets/Main/dog_train.txt").write_text("2007_000001  1\n2007_000002 -1\n")
    manifest = read_voc(_settings(root, lists=Lists(train="dog_train")))
    assert manifest.lists["train"] == ("2007_000001", "2007_000002")
    assert manifest.images["2007_000002"].tags == ("cat",)
    assert "(-1: 1, 1: 1), which is not used" in caplog.text


def test_names_of_photographs(make_voc: MakeVoc) -> None:
    """Spaces, accents, a subfolder; a name may end like a label."""
    names = ["IMG 1", "Ku\u0308che (2)", "day 1/\u732b"]
    root = make_voc()
    for name in names:
        for folder, ending in (("JPEGImages", ".jpg"), ("SegmentationClass", ".png")):
            (root / folder / f"{name}{ending}").parent.mkdir(exist_ok=True)
            (root / folder / f"2007_000001{ending}").rename(root / folder / f"{name}{ending}")
            (root / folder / f"2007_000001{ending}").write_bytes(
                (root / folder / f"{name}{ending}").read_bytes()
            )
    stored = [name.replace("u\u0308", "\u00fc") for name in names]
    lines = "\n".join([*stored[:2], f"JPEGImages/{stored[2]}.jpg"])
    (root / "ImageSets/Segmentation/train.txt").write_text(lines)
    manifest = check_images(read_voc(_settings(root, tags="masks")))
    records = [manifest.images[i] for i in manifest.lists["train"]]
    assert [record.own_name for record in records] == stored
    assert {record.tags for record in records} == {("dog", "sofa")}


def test_letter_case_and_spaces_of_classes(make_voc: MakeVoc) -> None:
    root = make_voc(train={"a": ["Dog", "TV monitor"], "b": ["potted plant", "dining_table"]})
    manifest = read_voc(_settings(root))
    assert manifest.images["a"].tags == ("dog", "tvmonitor")
    assert manifest.images["b"].tags == ("diningtable", "pottedplant")
    chosen = read_voc(_settings(root, classes=("Dog", "potted plant")))
    assert chosen.classes == ("dog", "pottedplant")


def test_objects_called_background(make_voc: MakeVoc, caplog: pytest.LogCaptureFixture) -> None:
    root = make_voc(train={"a": ["dog", "background"], "b": ["Void", "cat"]})
    manifest = read_voc(_settings(root))
    assert [manifest.images[i].tags for i in "ab"] == [("dog",), ("cat",)]
    assert "objects called 'background' are left out" in caplog.text
    assert "objects called 'Void' are left out" in caplog.text


@pytest.mark.parametrize("name", ["labelmap.txt", "class_names.txt"])
def test_classes_of_ones_own(
    make_voc: MakeVoc, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By XML and by masks, also where a class is called like one of VOC."""
    root = make_voc(train={"a": ["Leaf"], "b": ["cat", "leaf"]}, val={"c": ["cat"]})
    lines = {"labelmap.txt": "background:0,0,0::\nleaf:1,2,3::\ncat:4,5,6::\n"}
    (root / name).write_text(lines.get(name, "_background_\nleaf\ncat\n"))
    for image_id, values in {"a": [1], "b": [1, 2], "c": [2]}.items():
        labels = np.zeros((12, 16), np.uint8)
        for row, value in enumerate(values):
            labels[row] = value
        write_label_png(root / "SegmentationClass" / f"{image_id}.png", labels)
    for source in ("annotations", "masks"):
        manifest = check_images(read_voc(_settings(root, tags=source)))
        assert manifest.classes == ("leaf", "cat")
        assert [manifest.images[i].tags for i in "abc"] == [("leaf",), ("leaf", "cat"), ("cat",)]
        assert manifest.mask_values == {0: 0, 1: 1, 2: 2}
    assert f"{root / name}: names the classes, in place of VOC's: leaf, cat" in caplog.text
    with pytest.raises(ContaError, match=rf"'dog' is no class of the data set.*{name}"):
        read_voc(_settings(root, classes=("dog",)))


def test_classes_of_ones_own_without_a_label_map(make_voc: MakeVoc) -> None:
    root = make_voc(train={"a": ["leaf"]})
    with pytest.raises(ContaError, match=r"object 'leaf' is no class.*class_names.txt"):
        read_voc(_settings(root))
    with pytest.raises(ContaError, match=r"'leaf' is no class of the data set.*class_names.txt"):
        read_voc(_settings(root, classes=("leaf",), tags="masks"))
    for path in (root / "Annotations").iterdir():
        path.unlink()
    with pytest.raises(ContaError, match=r"Annotations: no annotations there; .*tags: masks"):
        read_voc(_settings(root))


@pytest.mark.parametrize("folder", ["SegmentationClass", "SegmentationClassAug", "JPEGImages"])
def test_a_folder_unpacked_one_level_too_deep(make_voc: MakeVoc, folder: str) -> None:
    root = make_voc(masks=folder if folder != "JPEGImages" else "SegmentationClass")
    if folder != "SegmentationClass":
        make_voc()
    (root / folder).rename(root / "inner")
    (root / folder).mkdir()
    (root / "inner").rename(root / folder / folder)
    manifest = check_images(read_voc(_settings(root)))
    record = manifest.images["2007_000001"]
    assert f"/{folder}/{folder}/" in (record.image if folder == "JPEGImages" else str(record.mask))


@pytest.mark.parametrize("suffix", ["_mask.png", ".png.png", ".jpg", "_labelIds.png"])
def test_masks_that_nobody_reads_are_told(
    make_voc: MakeVoc, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_voc()
    folder = root / "SegmentationClass"
    (folder / "2007_000003.png").rename(folder / f"2007_000003{suffix}")
    assert read_voc(_settings(root)).images["2007_000003"].mask is None
    assert (
        f"{folder}: 1 files there are no mask of any image, among them 2007_000003" in caplog.text
    )


def test_masks_in_the_other_folder_are_told(
    make_voc: MakeVoc, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_voc()
    (root / "SegmentationClassAug").mkdir()
    (root / "SegmentationClassAug/2009_000001.png").touch()
    assert read_voc(_settings(root)).ground_truth is None
    assert "SegmentationClassAug: lacks the masks of 3 images that" in caplog.text
    assert f"{root}/SegmentationClass has, among them 2007_000001" in caplog.text


@pytest.mark.parametrize("upper", ["masks", "annotations"])
def test_upper_case_endings_of_others(make_voc: MakeVoc, upper: str) -> None:
    root = make_voc()
    folder, ending = ("SegmentationClass", ".PNG") if upper == "masks" else ("Annotations", ".XML")
    for path in (root / folder).iterdir():
        path.rename(path.with_suffix(ending))
    manifest = check_images(read_voc(_settings(root)))
    assert manifest.has_masks("train")
    assert set(manifest.images["2007_000001"].tags) == {"dog", "sofa"}


def test_coloured_masks(make_voc: MakeVoc) -> None:
    """RGB in VOC's colours, as many mirrors have them, and palettes of few colours."""
    root = make_voc()
    expected = read_voc(_settings(root, tags="masks"))
    for path in (root / "SegmentationClass").iterdir():
        image = Image.open(path).convert("RGB")
        (image if path.stem.endswith("1") else image.quantize()).save(path)
    manifest = check_images(read_voc(_settings(root, tags="masks")))
    assert [r.tags for r in manifest.images.values()] == [r.tags for r in expected.images.values()]
    dog, sofa = (VOC_CLASSES.index(name) + 1 for name in ("dog", "sofa"))
    assert np.unique(manifest.read_mask("2007_000001")).tolist() == [0, dog, sofa, 255]


def test_masks_in_a_folder_of_another_name_are_told(
    make_voc: MakeVoc, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_voc(masks="SegmentationClassRaw")
    assert read_voc(_settings(root)).ground_truth is None
    assert f"{root}/SegmentationClassRaw: 3 PNG files there are called like images" in caplog.text


def test_a_root_above_the_devkit(make_voc: MakeVoc) -> None:
    root = make_voc()
    with pytest.raises(ContaError, match=rf"{root}/ImageSets: name {root} in dataset.root"):
        read_voc(_settings(root.parent))


@pytest.mark.parametrize("name", ["labels.txt", "Classes.txt", "obj.names", "label_colors.csv"])
def test_files_that_may_name_classes_are_told(
    make_voc: MakeVoc, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_voc()
    (root / name).write_text("_background_\ncat\n")
    (root / "README.txt").touch()
    assert read_voc(_settings(root)).classes == VOC_CLASSES
    assert f"{root}: {name} may name classes, and is not read" in caplog.text
