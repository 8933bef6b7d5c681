from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from conta_core.errors import ContaError
from conta_core.images.photographs import exif_orientation, read_image

#: smooth, so that JPEG keeps it: red grows to the right, green down, blue is even
PIXELS = np.stack(
    [
        *np.meshgrid(np.linspace(20, 230, 48), np.linspace(40, 200, 32)),
        np.full((32, 48), 90.0),
    ],
    axis=2,
).astype(np.uint8)


def test_grey_jpeg(tmp_path: Path) -> None:
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "i.jpg", quality=95)
    found = read_image(tmp_path / "i.jpg")
    assert found.shape == (32, 48, 3)
    assert (found == found[..., :1]).all()
    np.testing.assert_allclose(found[..., 0].astype(int), PIXELS[..., 0], atol=4)


def test_cmyk_jpeg_has_the_right_colours(tmp_path: Path) -> None:
    path = tmp_path / "i.jpg"
    Image.fromarray(PIXELS).convert("CMYK").save(path, quality=95)
    found = read_image(path)
    np.testing.assert_allclose(found.astype(int), PIXELS, atol=8)
    # another decoder sees the same
    np.testing.assert_allclose(found.astype(int), cv2.imread(str(path))[..., ::-1], atol=8)


def test_exif_rotation_is_not_applied(tmp_path: Path) -> None:
    path = tmp_path / "i.jpg"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(PIXELS).save(path, quality=95, exif=exif)
    assert exif_orientation(path) == 6
    found = read_image(path)
    np.testing.assert_allclose(found.astype(int), PIXELS, atol=8)
    stored = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    np.testing.assert_allclose(found.astype(int), stored[..., ::-1], atol=8)
    Image.fromarray(PIXELS).save(path)
    assert exif_orientation(path) == 1
    assert exif_orientation(tmp_path / "none.jpg") == 1


def test_sixteen_bit_grey_and_alpha(tmp_path: Path) -> None:
    Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257).save(tmp_path / "i.png")
    np.testing.assert_array_equal(read_image(tmp_path / "i.png")[..., 2], PIXELS[..., 0])
    alpha = np.dstack([PIXELS, np.zeros((32, 48), np.uint8)])
    Image.fromarray(alpha).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), PIXELS)


def test_missing_and_cut_off(tmp_path: Path) -> None:
    with pytest.raises(ContaError, match="no such image"):
        read_image(tmp_path / "i.jpg")
    Image.fromarray(PIXELS).save(tmp_path / "i.jpg")
    (tmp_path / "i.jpg").write_bytes((tmp_path / "i.jpg").read_bytes()[:-300])
    with pytest.raises(ContaError, match="unreadable image"):
        read_image(tmp_path / "i.jpg")
