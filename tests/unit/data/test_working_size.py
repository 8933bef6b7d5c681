"""Photographs larger than stages need: read smaller, and given back at their own size."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from conta_core.data.image_record import ImageRecord
from conta_core.data.index import check_images, inspect_images
from conta_core.data.manifest import Manifest
from conta_core.data.mask_folder import read_mask, write_mask
from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png, write_label_png
from conta_core.images.photographs import MIN_SIDE
from conta_core.images.working_size import working_size
from conta_core.settings import DatasetSettings

side = st.integers(1, 9000)


@given(st.tuples(side, side), st.integers(64, 2000))
def test_the_longer_side_is_the_limit(size: tuple[int, int], long_side: int) -> None:
    height, width = working_size(size, long_side)
    assert max(height, width) == min(max(size), long_side)
    assert min(height, width) >= 1
    # what the record keeps leads to the same size again
    assert working_size(size, max(height, width)) == (height, width)
    assert working_size(size, None) == size


@given(st.tuples(st.integers(8, 90), st.integers(8, 90)), st.floats(1, 6), st.integers(0, 2**32))
def test_labels_survive_their_own_size(size: tuple[int, int], factor: float, seed: int) -> None:
    own = (round(size[0] * factor), round(size[1] * factor))
    record = ImageRecord("a", "a.jpg", *size, (), stored_size=own)
    labels = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    given_back = record.at_own_size(labels)
    assert given_back.shape == own
    np.testing.assert_array_equal(record.at_working_size(given_back), labels)


@pytest.mark.parametrize(
    ("format", "given", "longest"),
    [("folder", "auto", 1024), ("voc", "auto", None), ("coco", "auto", None)]
    + [(name, 300, 300) for name in ("folder", "voc")]
    + [("folder", None, None)],
)
def test_the_key(format: str, given: int | str | None, longest: int | None) -> None:
    assert DatasetSettings(format=format, root="r", long_side=given).longest == longest


def photographs(folder: Path, sizes: dict[str, tuple[int, int]]) -> Manifest:
    """A data set of these heights and widths, each with a mask of its own size."""
    images = {}
    for name, size in sizes.items():
        Image.fromarray(np.full((*size, 3), 90, np.uint8)).save(folder / f"{name}.jpg")
        labels = np.zeros(size, np.uint8)
        labels[: size[0] // 2] = 1
        write_label_png(folder / f"{name}.png", labels)
        paths = {"image": str(folder / f"{name}.jpg"), "mask": str(folder / f"{name}.png")}
        images[name] = ImageRecord(name, height=0, width=0, tags=("cat",), **paths)
    lists = {"train": tuple(images), "val": ()}
    return Manifest("m", ("cat",), lists, {"train": "t", "val": "v"}, images, "m", {0: 0, 1: 1})


def test_from_the_manifest_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sizes = {"small": (60, 80), "large": (600, 800), "high": (900, 300)}
    caplog.set_level(logging.WARNING)
    checked = check_images(photographs(tmp_path, sizes), long_side=200)
    assert "2 images are larger than dataset.long_side, 200 pixels" in caplog.text
    assert "large (800 x 600)" in caplog.text
    checked.save(tmp_path / "dataset.json")
    read = Manifest.load(tmp_path / "dataset.json")
    assert read == checked
    expected = {"small": (60, 80), "large": (150, 200), "high": (200, 67)}
    for name, record in read.images.items():
        assert record.size == expected[name]
        assert record.own_size == sizes[name]
        assert record.read_image().shape == (*expected[name], 3)
        truth = read.read_mask(name)
        assert truth.shape == expected[name]
        assert abs(float((truth == 1).mean()) - 0.5) < 0.01
        write_mask(tmp_path, record, truth)
        assert read_label_png(tmp_path / f"{name}.png").shape == sizes[name]
        np.testing.assert_array_equal(read_mask(tmp_path, record), truth)


def test_large_ones_without_a_limit_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    check_images(photographs(tmp_path, {"a": (60, 80), "b": (1500, 1500)}))
    assert "1 images have more than 2,000,000 pixels, the largest of them b" in caplog.text
    assert "set dataset.long_side" in caplog.text


@pytest.mark.parametrize(
    ("size", "long_side"), [((1, 1), None), ((MIN_SIDE - 1, 90), None), ((9, 900), 200)]
)
def test_too_small_for_a_network(
    tmp_path: Path, size: tuple[int, int], long_side: int | None
) -> None:
    manifest = photographs(tmp_path, {"fine": (MIN_SIDE, MIN_SIDE), "tiny": size})
    _, problems = inspect_images(manifest, long_side=long_side)
    (text,) = [problem.text for problem in problems]
    assert text.startswith(f"{tmp_path}/tiny.jpg: {size[1]} x {size[0]} pixels")
    assert "take its id off the list" in text


def test_a_photograph_that_was_replaced(tmp_path: Path) -> None:
    checked = check_images(photographs(tmp_path, {"a": (60, 80)}))
    record = checked.images["a"]
    Image.fromarray(np.zeros((50, 70, 3), np.uint8)).save(tmp_path / "a.jpg")
    found = r"where it had 80 x 60 pixels \(a has 70 x 50 now\)"
    with pytest.raises(ContaError, match=rf"a\.jpg: another file than index_dataset read, {found}"):
        record.read_image()
    write_label_png(tmp_path / "a.png", np.ones((60, 80), np.uint8))
    with pytest.raises(ContaError, match=r"a\.png: another file than index_dataset read"):
        checked.read_mask("a")
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with pytest.raises(ContaError, match=r"a has no size now"):
        record.read_image()
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(ContaError, match=r"a\.jpg: no such image"):
        record.read_image()


def test_copies(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manifest = photographs(tmp_path, {"a": (60, 80), "b": (60, 80), "c": (61, 80)})
    check_images(manifest)
    assert "1 photographs are there under several ids: a and b" in caplog.text
    caplog.clear()
    check_images(replace(manifest, lists={"train": ("a", "c"), "val": ("b",)}))
    assert "in the training and in the validation list under several ids" in caplog.text
