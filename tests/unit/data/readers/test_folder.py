from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conta_core.data.image_ids import image_id_of
from conta_core.data.readers.folder import read_folder
from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png
from conta_core.settings import DatasetSettings, Lists


def _read(root: Path, table: str, **keys: Any) -> Any:
    root.mkdir(exist_ok=True)
    (root / "tags.csv").write_text(table)
    return read_folder(DatasetSettings(name="mine", format="folder", root=str(root), **keys))


def _problems(root: Path, table: str, **keys: Any) -> str:
    with pytest.raises(ContaError) as raised:
        _read(root, table, **keys)
    return str(raised.value)


def test_tags_and_classes(tmp_path: Path) -> None:
    manifest = _read(tmp_path, "image,tags\na.jpg,dog; cat\nsub/b.png,dog\nc.jpg,\n")
    assert manifest.classes == ("cat", "dog")
    assert manifest.lists == {"train": ("a", "b", "c"), "val": ()}
    assert manifest.images["a"].tags == ("cat", "dog")
    assert manifest.images["b"].image == str(tmp_path / "sub" / "b.png")
    assert manifest.images["c"].tags == ()
    assert manifest.ground_truth is None
    # tags alone name the classes: what else a mask holds is ignored, and told
    others = dict.fromkeys(range(3, 255), 255)
    assert manifest.mask_values == {0: 0, 1: 1, 2: 2} | others


def test_splits_masks_and_order_of_classes(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    write_label_png(tmp_path / "masks" / "a.png", np.zeros((2, 2), np.uint8))
    table = "image,tags,split,mask\na.jpg,dog,train,\nb.jpg,cat,val,other/b.png\nc.jpg,cat,,\n"
    manifest = _read(tmp_path, table, classes=("dog", "cat"))
    assert manifest.classes == ("dog", "cat")
    assert manifest.lists == {"train": ("a", "c"), "val": ("b",)}
    assert manifest.images["a"].mask == str(tmp_path / "masks" / "a.png")
    assert manifest.images["b"].mask == str(tmp_path / "other" / "b.png")
    assert manifest.images["c"].mask is None
    assert manifest.ground_truth == f"masks of {tmp_path}"


def test_own_names_of_splits(tmp_path: Path) -> None:
    lists = Lists(train="fit", val="held")
    manifest = _read(tmp_path, "image,tags,split\na.jpg,x,fit\nb.jpg,x,held\n", lists=lists)
    assert manifest.lists == {"train": ("a",), "val": ("b",)}
    assert manifest.list_names == {"train": "fit", "val": "held"}


def test_byte_order_mark_of_a_spreadsheet(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_bytes(b"\xef\xbb\xbfimage,tags\r\na.jpg,dog\r\n")
    settings = DatasetSettings(name="mine", format="folder", root=str(tmp_path))
    assert read_folder(settings).lists["train"] == ("a",)


def test_tag_that_is_no_class(tmp_path: Path) -> None:
    message = _problems(tmp_path, "image,tags\na.jpg,dog\nb.jpg,dgo\n", classes=("cat", "dog"))
    assert "line 3: tag 'dgo' of image b.jpg is no class; did you mean 'dog'?" in message
    assert "cat, dog" in message


@pytest.mark.parametrize("bad", ["/etc/passwd.jpg", "../a.jpg", "x/../../a.jpg", "x\\a.jpg", ""])
def test_paths_that_leave_the_folder(tmp_path: Path, bad: str) -> None:
    assert "line 2: path" in _problems(tmp_path, f"image,tags\n{bad},dog\n")


def test_mask_that_leaves_the_folder(tmp_path: Path) -> None:
    assert "'../m.png'" in _problems(tmp_path, "image,tags,mask\na.jpg,dog,../m.png\n")


def test_all_problems_of_a_table_at_once(tmp_path: Path) -> None:
    rows = (
        "a.jpg,dog,train",
        "sub/a.png,dog,train",
        "sub/a.png,dog,train",
        "d.jpg,dog,test",
        "e.jpg",
    )
    table = "\n".join(("image,tags,split", *rows, ""))
    message = _problems(tmp_path, table)
    assert "3 problems" in message
    assert f"line 4: sub/a.png has the id {image_id_of('sub/a', '')} of" in message
    assert "line 5: split 'test'" in message
    assert "line 6: 1 cells, 'e.jpg', but the first line has 3" in message


def test_long_lists_of_problems_are_cut(tmp_path: Path) -> None:
    rows = "".join(f"../{i}.jpg,dog\n" for i in range(30))
    message = _problems(tmp_path, "image,tags\n" + rows)
    assert "30 problems" in message
    assert message.count("\n  - ") == 20
    assert message.endswith("... and 10 more")


@pytest.mark.parametrize("header", ["image", "tags", "image,tags,sex", "a.jpg,dog"])
def test_header(tmp_path: Path, header: str) -> None:
    assert "expected image,tags[,split][,mask]" in _problems(tmp_path, f"{header}\n")


def test_lines_that_are_quoted_whole(tmp_path: Path) -> None:
    assert "quoted whole" in _problems(tmp_path, '"image,tags"\n"a.jpg,cat"\n')


def test_other_names_of_columns(tmp_path: Path) -> None:
    message = _problems(tmp_path, "file,label\na.jpg,dog\n")
    assert "name the columns so in the first line" in message


@pytest.mark.parametrize(
    "table",
    [
        "image;tags\na.jpg;cat\nb.jpg;'dog;cat'\n",
        "image\ttags\na.jpg\tcat\nb.jpg\tdog;cat\n",
        "Image, TAGS \na.jpg,cat\nb.jpg,dog;cat\n",
        "sep=;\nimage;tags\na.jpg;cat\nb.jpg;'dog;cat'\n",
        "'sep=,'\r\nimage,tags\r\na.jpg,cat\r\nb.jpg,dog;cat\r\n",
        "sep=\t\nimage\ttags\na.jpg\tcat\nb.jpg\tdog;cat\n",
        "image,tags,,\na.jpg,cat,,\n,,,\nb.jpg,dog;cat,,\n,,,\n",
        ",image,,tags\n,a.jpg,,cat\n,,,\n,b.jpg,,dog;cat,,\n",
        ",image,tags\n0,a.jpg,cat\n1,b.jpg,dog;cat\n",
        "Unnamed: 0;image;tags\n7;a.jpg;cat\n8;b.jpg;'dog;cat'\n",
        "image,tags\na.jpg,cat\nb.jpg,'dog\ncat\n'\n",
        ",,\n;;\nimage,tags\na.jpg,cat\n\n  \nb.jpg,dog;cat\n",
    ],
)
def test_what_spreadsheets_make_of_a_table(tmp_path: Path, table: str) -> None:
    manifest = _read(tmp_path, table.replace("'", '"'))
    assert manifest.lists["train"] == ("a", "b")
    assert [manifest.images[i].tags for i in "ab"] == [("cat",), ("cat", "dog")]


def test_a_filled_cell_below_no_name(tmp_path: Path) -> None:
    message = _problems(tmp_path, "image,tags,\na.jpg,cat,\nb.jpg,cat,dog\n")
    assert "line 3: 3 cells, 'b.jpg,cat,dog', but the first line has 2" in message


def test_tags_separated_by_commas(tmp_path: Path) -> None:
    message = _problems(tmp_path, "image,tags\na.jpg,dog,cat\n")
    assert "line 2: 3 cells, 'a.jpg,dog,cat', but the first line has 2; separate tags" in message


def test_other_encodings(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_text("image,tags\na.jpg,dog\n", encoding="utf-16")
    settings = DatasetSettings(name="mine", format="folder", root=str(tmp_path))
    with pytest.raises(ContaError, match="save it as 'CSV UTF-8'"):
        read_folder(settings)


def test_images_that_lie_elsewhere(tmp_path: Path) -> None:
    """A forgotten folder and an ending in capitals; what is nowhere is left to the file check."""
    (tmp_path / "images").mkdir()
    for name in ("a.jpg", "b.JPG"):
        (tmp_path / "images" / name).touch()
    message = _problems(tmp_path, "image,tags\na.jpg,dog\nimages/b.jpg,dog\nc.jpg,dog\n")
    assert "2 problems" in message
    assert f"{tmp_path}/a.jpg: no such image, but there is images/a.jpg" in message
    assert f"{tmp_path}/images/b.jpg: no such image, but there is images/b.JPG" in message


@pytest.mark.parametrize(
    ("tags", "keys", "warned"),
    [
        (["dog", "dog", "dgo"], {}, ["dgo"]),
        (["dog", "dog", "dog", "Dog", "Dog"], {}, ["Dog"]),
        (["dog", "dog", "Dog", "Dog"], {}, ["Dog"]),
        (["dog", "dog", "DOG", "d-o g"], {}, ["DOG", "d-o g"]),
        (["dog", "dog", "cow", "cow"], {}, []),
        (["dog", "cat"], {}, []),
        (["dog", "dog", "doge"], {"classes": ("dog", "doge")}, []),
    ],
)
def test_tags_that_look_alike(
    tags: list[str],
    keys: dict[str, Any],
    warned: list[str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = "".join(f"{i}.jpg,{tag}\n" for i, tag in enumerate(tags))
    _read(tmp_path, f"image,tags\n{rows}", **keys)
    assert len(caplog.records) == len(warned)
    for tag in warned:
        assert f"the tag {tag!r} (images: {tags.count(tag)}) looks like 'dog'" in caplog.text


def test_missing_table_and_no_tags(tmp_path: Path) -> None:
    settings = DatasetSettings(name="mine", format="folder", root=str(tmp_path))
    with pytest.raises(ContaError, match=r"tags.csv: no such file"):
        read_folder(settings)
    assert "no row has a tag" in _problems(tmp_path, "image,tags\na.jpg,\n")


@pytest.mark.parametrize(
    "written",
    [
        "K\u0075\u0308he",
        "\u200bK\u00fche",
        " K\u00fche\u00a0",
        "\ufeffK\u00fche",
        "K\u00fc\u00adhe",
    ],
)
def test_what_cannot_be_seen_makes_no_class(
    written: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = f"image,tags\na.jpg,K\u00fche\nb.jpg,{written}\nc.jpg,red  fox;red\u00a0fox\n"
    manifest = _read(tmp_path, table)
    assert manifest.classes == ("K\u00fche", "red fox")
    assert manifest.images["b"].tags == ("K\u00fche",)
    assert not caplog.records
    given = _read(tmp_path, table, classes=("Ku\u0308he", "red fox"))
    assert given.classes == ("Ku\u0308he", "red fox")
    assert given.images["b"].tags == ("Ku\u0308he",)


@pytest.mark.parametrize(
    "cell", ["cat, dog", "cat|dog", "dog / cat", "dog,cat, dog", "cat & dog", "cat, dog,"]
)
@pytest.mark.parametrize("classes", [None, ("cat", "dog")])
def test_other_separators_between_known_tags(
    cell: str, classes: tuple[str, ...] | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = f'image,tags\na.jpg,cat\nb.jpg,"{cell}"\nc.jpg,dog\n'
    manifest = _read(tmp_path, table, classes=classes)
    assert manifest.classes == ("cat", "dog")
    assert manifest.images["b"].tags == ("cat", "dog")
    assert f"the tag {cell!r} (images: 1) is read as the tags" in caplog.text
    assert "separate tags by ';'" in caplog.text


@pytest.mark.parametrize("cell", ["cat, dog", "cat|bird", "car/truck"])
def test_other_separators_that_may_belong_to_a_name(
    cell: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = _read(tmp_path, f'image,tags\na.jpg,cat\nb.jpg,"{cell}"\n')
    assert manifest.classes == tuple(sorted(("cat", cell)))
    assert f"the tag {cell!r} (images: 1) is one class now" in caplog.text


@pytest.mark.parametrize(
    "name", ["background", "Background", "_background_", "void", "None", "n/a"]
)
def test_reserved_names_are_no_tags(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = _read(tmp_path, f"image,tags\na.jpg,cat;{name}\nb.jpg,{name}\n")
    assert manifest.classes == ("cat",)
    assert [manifest.images[i].tags for i in "ab"] == [("cat",), ()]
    assert f"the tag {name!r} (images: 2, among them a.jpg, b.jpg) is left out" in caplog.text
    assert len(caplog.records) == 1


def test_reserved_names_among_the_classes(tmp_path: Path) -> None:
    table = "image,tags\na.jpg,void;cat\n"
    assert _read(tmp_path, table, classes=("cat", "void")).images["a"].tags == ("cat", "void")
    message = _problems(tmp_path, table, classes=("background", "cat", "void"))
    assert "'background' is the background, which every mask has as 0" in message


def test_names_of_photographs(tmp_path: Path) -> None:
    """Spaces, accents, other scripts; composed in the table and decomposed on the disk."""
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    names = ["IMG 001 (2)", "Ku\u0308che", "\u732b", "3.45\u202fPM"]
    for name in names:
        (tmp_path / "images" / f"{name}.jpg").touch()
        write_label_png(tmp_path / "masks" / f"{name}.png", np.zeros((2, 2), np.uint8))
    rows = "".join(f"images/{name}.jpg,cat\n" for name in names).replace("u\u0308", "\u00fc")
    manifest = _read(tmp_path, f"image,tags\n{rows}")
    assert [record.own_name for record in manifest.images.values()] == [
        name.replace("u\u0308", "\u00fc") for name in names
    ]
    for image_id, record in manifest.images.items():
        assert image_id == image_id_of(record.own_name, "")
        assert Path(record.image).is_file()
        assert Path(str(record.mask)).is_file()


def test_one_name_in_two_folders(tmp_path: Path) -> None:
    for folder in ("masks/cam1", "masks/cam2"):
        (tmp_path / folder).mkdir(parents=True)
        write_label_png(tmp_path / folder / "001.png", np.zeros((2, 2), np.uint8))
    table = "image,tags\nimages/cam1/001.jpg,cat\nimages/cam2/001.jpg,dog\nimages/cam1/2.jpg,dog\n"
    manifest = _read(tmp_path, table)
    assert [record.own_name for record in manifest.images.values()] == [
        "images/cam1/001", "images/cam2/001", "2",
    ]  # fmt: skip
    masks = [record.mask for record in manifest.images.values()]
    assert masks == [f"{tmp_path}/masks/cam1/001.png", f"{tmp_path}/masks/cam2/001.png", None]


@pytest.mark.parametrize(
    "name", ["a_mask.png", "a.png.png", "a.jpg", "mask_a.png", "a_labelIds.png", "truth/x.png"]
)
def test_masks_that_nobody_reads_are_told(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "masks" / name).parent.mkdir(parents=True)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").touch()
    for other in (name, "b.png"):
        write_label_png(tmp_path / "masks" / other, np.zeros((2, 2), np.uint8))
    manifest = _read(tmp_path, "image,tags\nimages/a.jpg,cat\nb.jpg,cat\n")
    assert manifest.images["a"].mask is None
    assert (
        f"{tmp_path}/masks: 1 files there are no mask of any image, among them {name}"
        in caplog.text
    )
    assert (
        "1 images have no mask, among them a: call a mask like its photograph (a.png)"
        in caplog.text
    )


def test_masks_of_other_images_are_not_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "masks").mkdir()
    for name in ("a.png", "b.png", ".DS_Store"):
        write_label_png(tmp_path / "masks" / name, np.zeros((2, 2), np.uint8))
    _read(tmp_path, "image,tags\nimages/a.jpg,cat\n")
    assert not caplog.records


@pytest.mark.parametrize("path", ["masks/a.PNG", "masks/masks/a.png", "masks/masks/a.Png"])
def test_masks_that_are_certain_are_read(
    path: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    write_label_png(tmp_path / "m.png", np.zeros((2, 2), np.uint8))
    (tmp_path / "m.png").rename(tmp_path / path)
    assert _read(tmp_path, "image,tags\na.jpg,cat\n").images["a"].mask == str(tmp_path / path)
    assert not caplog.records


@pytest.mark.parametrize("folder", ["", "masks"])
def test_a_label_map_numbers_the_classes(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "labelmap.txt").write_text(
        "background:0,0,0::\ndog:9,8,7::\ncat:6,5,4::\n"
    )
    manifest = _read(tmp_path, "image,tags\na.jpg,cat\nb.jpg,dog\n")
    assert manifest.classes == ("dog", "cat")
    assert manifest.mask_values == {0: 0, 1: 1, 2: 2}
    assert manifest.mask_colours == {"000000": 0, "090807": 1, "060504": 2, "e0e0c0": 255}
    chosen = _read(tmp_path, "image,tags\na.jpg,cat\nb.jpg,dog\n", classes=("cat", "dog"))
    assert chosen.mask_values == {0: 0, 1: 2, 2: 1}
    message = _problems(tmp_path, "image,tags\na.jpg,cat\nb.jpg,cow\n")
    assert "tag 'cow' of image b.jpg is no class" in message
    assert "add it to labelmap.txt" in message


@pytest.mark.parametrize("folder", ["Masks", "labels", "SegmentationClass"])
def test_masks_in_a_folder_of_another_name_are_told(
    folder: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in (f"{folder}/a_mask.png", "images/a.png", "icons/logo.png"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        write_label_png(tmp_path / path, np.zeros((2, 2), np.uint8))
    _read(tmp_path, "image,tags\nimages/a.png,cat\n")
    assert len(caplog.records) == 1
    assert f"{tmp_path}/{folder}: 1 PNG files there are called like images" in caplog.text
    assert f"call the folder {tmp_path}/masks" in caplog.text


def test_a_table_of_another_name(tmp_path: Path) -> None:
    settings = DatasetSettings(name="mine", format="folder", root=str(tmp_path))
    (tmp_path / "Tags.xlsx").touch()
    with pytest.raises(ContaError, match=r"there is Tags.xlsx: save it as tags.csv, in CSV UTF-8"):
        read_folder(settings)
    settings = DatasetSettings(name="mine", format="folder", root=str(tmp_path / "no"))
    with pytest.raises(ContaError, match=r"which is no folder: mend dataset.root"):
        read_folder(settings)


@pytest.mark.parametrize("first", ["_background_\n", ""])
def test_names_of_classes_in_a_file(tmp_path: Path, first: str) -> None:
    """In a folder 0 is the background whether the file says so or not."""
    (tmp_path / "class_names.txt").write_text(f"{first}dog\ncat\n")
    manifest = _read(tmp_path, "image,tags\na.jpg,cat\nb.jpg,dog\n")
    assert manifest.classes == ("dog", "cat")
    assert manifest.mask_values == {0: 0, 1: 1, 2: 2}


def test_other_separators_throughout(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No tag stands alone, but each recurs."""
    cells = ("cat,dog", "dog,bird", "cat,bird")
    rows = "".join(f"{number}.jpg;{cell}\n" for number, cell in enumerate(cells))
    manifest = _read(tmp_path, f"image;tags\n{rows}")
    assert manifest.classes == ("bird", "cat", "dog")
    assert manifest.images["1"].tags == ("bird", "dog")
    assert caplog.text.count("is read as the tags") == 3


@pytest.mark.parametrize("beside", ["Thumbs.db", "__MACOSX/masks/._a.png", "readme.txt"])
def test_what_archives_leave_beside_a_nested_folder(tmp_path: Path, beside: str) -> None:
    for path in ("masks/masks/a.png", f"masks/{beside}"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    record = _read(tmp_path, "image,tags\na.jpg,cat\n").images["a"]
    assert record.mask == str(tmp_path / "masks/masks/a.png")
