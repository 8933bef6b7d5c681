"""Whether a data set is still the one that was indexed, by content and not by times."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conta_core.data.image_record import ImageRecord
from conta_core.data.index import check_images
from conta_core.data.manifest import Manifest
from conta_core.workflow.dataset_files import changed_files, digest_of_files

OLD = 1_000_000_000


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A manifest of three photographs, one with a mask, all older than it."""
    images = {}
    for number, name in enumerate("abc"):
        path = tmp_path / f"{name}.bmp"
        Image.fromarray(np.full((20, 30, 3), number * 50, np.uint8)).save(path)
        images[name] = ImageRecord(name, str(path), 0, 0, ("cat",))
    mask = tmp_path / "a.png"
    Image.fromarray(np.ones((20, 30), np.uint8)).save(mask)
    images["a"] = ImageRecord("a", images["a"].image, 0, 0, ("cat",), str(mask))
    lists = {"train": tuple(images), "val": ()}
    names = {"train": "t", "val": "v"}
    values = {0: 0, 1: 1}
    made = check_images(Manifest("m", ("cat",), lists, names, images, "m", values))
    made.save(tmp_path / "dataset.json")
    return tmp_path / "dataset.json"


def test_nothing_changed(manifest: Path) -> None:
    assert changed_files(manifest) == []


def test_a_copy_of_the_same_is_no_change(manifest: Path) -> None:
    path = manifest.with_name("b.bmp")
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    assert changed_files(manifest) == []


@pytest.mark.parametrize("name", ["a.bmp", "a.png"])
def test_an_older_file_of_the_same_size(manifest: Path, name: str, tmp_path: Path) -> None:
    """As `cp -p` and `rsync -a` leave it: times of long ago, and as many bytes."""
    path = manifest.with_name(name)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    other = tmp_path / "other"
    other.write_bytes(content)
    os.utime(other, (OLD, OLD))
    other.rename(path)
    assert path.stat().st_mtime == OLD
    assert changed_files(manifest) == [str(path)]


def test_a_lost_photograph(manifest: Path) -> None:
    manifest.with_name("c.bmp").unlink()
    assert changed_files(manifest) == [str(manifest.with_name("c.bmp"))]


@pytest.mark.parametrize("content", ["", "[]", '{"images": 3}', '{"images": {"a": {}}}'])
def test_what_is_no_manifest_tells_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "dataset.json").write_text(content)
    assert changed_files(tmp_path / "dataset.json") == []
    assert changed_files(tmp_path / "none.json") == []


def test_tables_are_known_by_what_they_hold(tmp_path: Path) -> None:
    one, two = (str(tmp_path / name) for name in ("one", "two"))
    assert digest_of_files([one, two]) is None
    Path(one).write_text("cat")
    first = digest_of_files([one, two])
    os.utime(one, (OLD, OLD))
    assert digest_of_files([one, two]) == first
    Path(two).write_text("")
    assert digest_of_files([one, two]) != first
    Path(one).write_text("dog")
    assert len({first, digest_of_files([one, two]), digest_of_files([one])}) == 3
