"""One rule for every format: pixels as they are stored, whatever EXIF asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from conta_core.images.orientation import turn, turn_back
from conta_core.images.photographs import exif_orientation, read_image, stored_size
from conta_core.tools.predict.photographs import read_photograph, shown_size

STORED = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
KINDS = {
    "raw.tif": {},
    "packed.tif": {"compression": "tiff_lzw"},
    "deflated.tif": {"compression": "tiff_deflate"},
    "i.png": {},
    "i.webp": {"lossless": True},
}


def write(path: Path, pixels: np.ndarray, orientation: int, **options: object) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(pixels).save(path, exif=exif, **options)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", KINDS)
def test_stored_and_shown(tmp_path: Path, name: str, orientation: int) -> None:
    path = tmp_path / name
    write(path, STORED, orientation, **KINDS[name])
    assert exif_orientation(path) == orientation
    np.testing.assert_array_equal(read_image(path), STORED)
    assert stored_size(path) == STORED.shape[:2]
    shown = read_photograph(path)
    assert shown_size(path) == shown.shape[:2]
    # another program turns it so
    plain = Image.fromarray(STORED)
    plain.getexif()[ExifTags.Base.Orientation] = orientation
    np.testing.assert_array_equal(shown, np.asarray(ImageOps.exif_transpose(plain)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_of_16_bits_is_not_turned_either(tmp_path: Path, orientation: int) -> None:
    grey = STORED[..., 0].astype(np.uint16) << 8
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(grey).save(tmp_path / "i.tif", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "i.tif")[..., 0], STORED[..., 0])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_scaled_down_it_lies_as_it_is_stored(tmp_path: Path, orientation: int) -> None:
    large = np.zeros((300, 500, 3), np.uint8)
    large[:100, :100] = 255
    for name in ("i.tif", "i.jpg"):
        write(tmp_path / name, large, orientation)
        found = read_image(tmp_path / name, long_side=50)
        assert found.shape == (30, 50, 3)
        assert found[:8, :8].min() > 200
        assert found[12:, 12:].max() < 60


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_back(orientation: int) -> None:
    np.testing.assert_array_equal(turn_back(turn(STORED, orientation), orientation), STORED)


def test_strange_orientations_are_none(tmp_path: Path) -> None:
    for orientation in (0, 9, 255):
        write(tmp_path / "i.png", STORED, orientation)
        assert exif_orientation(tmp_path / "i.png") == 1
