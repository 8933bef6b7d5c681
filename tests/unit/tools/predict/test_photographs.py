from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from conta_core.errors import ContaError
from conta_core.tools.predict.photographs import find_photographs, read_photograph, shown_size

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(PIXELS).save(tmp_path / "i.png", exif=exif)
    with Image.open(tmp_path / "i.png") as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    found = read_photograph(tmp_path / "i.png")
    np.testing.assert_array_equal(found, expected)
    assert shown_size(tmp_path / "i.png") == found.shape[:2]


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS).save(folder / name)


def names(folder: Path, *paths: str) -> list[str]:
    return [p.name for p in find_photographs([str(folder / p) for p in paths], folder / "out")]


def test_files_folders_and_globs(tmp_path: Path) -> None:
    make(tmp_path, "b/1.JPG", "b/2.png", "a/1.jpg", "a/deep/1.jpg", "a/.hidden.jpg", "out/x.jpg")
    (tmp_path / "a/notes.txt").write_text("")
    assert names(tmp_path, "b/2.png") == ["2"]
    assert names(tmp_path, "a") == ["1", "deep/1"]
    assert names(tmp_path, "") == ["a/1", "a/deep/1", "b/1", "b/2"]  # nothing of the results
    assert names(tmp_path, "*/1.*") == ["a/1", "b/1"]
    assert names(tmp_path, "**/1.jpg") == ["a/1", "a/deep/1"]
    assert names(tmp_path, "b/2.png", "b") == ["2", "1"]  # each once


def test_names_that_clash(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg", "b/1.jpg", "c/1.jpg", "c/1.png")
    with pytest.raises(ContaError, match=r"b/1\.jpg would both become masks/1\.png"):
        names(tmp_path, "a/1.jpg", "b/1.jpg")
    with pytest.raises(ContaError, match=r"c/1\.jpg and .*c/1\.png would both become"):
        names(tmp_path, "c")


def test_what_is_not_there(tmp_path: Path) -> None:
    make(tmp_path, "photos/1.jpg")
    (tmp_path / "phone").mkdir()
    (tmp_path / "phone/1.mov").write_bytes(b"")
    with pytest.raises(ContaError, match=r"photo: no such file or folder; did you mean .*photos"):
        names(tmp_path, "photo")
    with pytest.raises(ContaError, match=r"matches no file"):
        names(tmp_path, "*.webp")
    with pytest.raises(ContaError, match=r"no photograph among what it holds \(1 with \.mov\)"):
        names(tmp_path, "phone")
    with pytest.raises(ContaError, match=r"'\.\.' after a wildcard"):
        names(tmp_path, "*/../photos/1.jpg")
