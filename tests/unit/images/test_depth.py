"""Photographs of more than 8 bits: never black, never white."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from conta_core.errors import ContaError
from conta_core.images.depth import to_bytes
from conta_core.images.photographs import read_image

#: grey of 0..255, rising to the right
GREY = np.tile(np.arange(256, dtype=np.uint8), (16, 1))


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_bits_that_a_file_of_16_fills(bits: int) -> None:
    deep = GREY.astype(np.uint16) << (bits - 8)
    np.testing.assert_array_equal(to_bytes(deep), GREY)


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.int64])
def test_whole_numbers_by_their_range(dtype: type) -> None:
    np.testing.assert_array_equal(to_bytes(GREY.astype(dtype) * 100_000), GREY)
    np.testing.assert_array_equal(to_bytes(GREY.astype(dtype) << 8), GREY)
    below_zero = GREY.astype(np.int64) * 3 - 300
    np.testing.assert_array_equal(to_bytes(below_zero), GREY)


@pytest.mark.parametrize("scale", [1.0, 255.0, 65535.0, 1e6])
def test_floating_point(scale: float) -> None:
    deep = (GREY / 255 * scale).astype(np.float32)
    np.testing.assert_allclose(to_bytes(deep).astype(int), GREY, atol=1)


def test_shares_of_white_are_not_stretched() -> None:
    assert to_bytes(np.full((4, 4), 0.5, np.float32)).max() == 128


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(strange: float, tmp_path: Path) -> None:
    values = np.full((16, 16), 0.5, np.float32)
    values[3, 3] = strange
    Image.fromarray(values).save(tmp_path / "i.tif")
    with pytest.raises(ContaError, match=r"i\.tif: unreadable image \(it holds values that are no"):
        read_image(tmp_path / "i.tif")


@given(arrays.arrays(np.int32, (3, 4)))
def test_greater_stays_greater(values: np.ndarray) -> None:
    order = np.argsort(values, axis=None)
    assert (np.diff(to_bytes(values).ravel()[order].astype(int)) >= 0).all()


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_one_value_alone(value: float) -> None:
    assert to_bytes(np.full((2, 2), value, np.float32)).shape == (2, 2)


@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
@pytest.mark.parametrize("bits", [12, 16])
def test_grey_files(tmp_path: Path, ending: str, bits: int) -> None:
    path = tmp_path / f"i.{ending}"
    cv2.imwrite(str(path), GREY.astype(np.uint16) << (bits - 8))
    found = read_image(path)
    assert found.shape == (16, 256, 3)
    np.testing.assert_array_equal(found[..., 1], GREY)


@pytest.mark.parametrize("ending", ["png", "tif", "ppm"])
@pytest.mark.parametrize("bits", [12, 16])
def test_colour_files(tmp_path: Path, ending: str, bits: int) -> None:
    colour = np.dstack([GREY, GREY[:, ::-1], GREY // 2])
    path = tmp_path / f"i.{ending}"
    cv2.imwrite(str(path), colour[..., ::-1].astype(np.uint16) << (bits - 8))
    np.testing.assert_array_equal(read_image(path), colour)


def test_colour_with_alpha(tmp_path: Path) -> None:
    colour = np.dstack([GREY, GREY, GREY // 2, np.full_like(GREY, 255)])
    cv2.imwrite(str(tmp_path / "i.png"), colour.astype(np.uint16) << 4)
    np.testing.assert_array_equal(read_image(tmp_path / "i.png"), colour[..., 2::-1])


def test_a_pgm_whose_white_is_another_number(tmp_path: Path) -> None:
    """What the file calls white is white: it declares its own largest value."""
    values = (np.arange(16 * 256).reshape(16, 256) % 1001).astype(">u2")
    (tmp_path / "i.pgm").write_bytes(b"P5 256 16 1000\n" + values.tobytes())
    expected = values.astype(float) * 255 / 1000
    np.testing.assert_allclose(
        read_image(tmp_path / "i.pgm")[..., 0].astype(float), expected, atol=1
    )
