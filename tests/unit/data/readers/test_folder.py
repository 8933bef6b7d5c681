from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conta_core.data.masks import write_label_png
from conta_core.data.readers.folder import read_folder
from conta_core.errors import ContaError
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
    assert manifest.mask_values == {0: 0, 1: 1, 2: 2}


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
        "b c.jpg,dog,train",
        "d.jpg,dog,test",
        "e.jpg",
    )
    table = "\n".join(("image,tags,split", *rows, ""))
    message = _problems(tmp_path, table)
    assert "4 problems" in message
    assert "line 3: sub/a.png has the id a of" in message
    assert "line 4: image id 'b c'" in message
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


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("image;tags", "separate the columns by commas, and tags by ';'"),
        ("image\ttags", "separate the columns by commas"),
        ("Image,Tags", "in small letters"),
        ("file,label", "name the columns so in the first line"),
    ],
)
def test_what_spreadsheets_make_of_the_header(tmp_path: Path, header: str, hint: str) -> None:
    assert hint in _problems(tmp_path, f"{header}\na.jpg,dog\n")


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
