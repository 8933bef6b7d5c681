"""Photographs and masks."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz, mutated, refuses_or_reads_file
from hypothesis import given
from PIL import Image

from conta_core.images.masks import read_label_png
from conta_core.images.photographs import exif_orientation, read_image

#: Pillow warns of damaged EXIF data and the like
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)


def encoded(mode: str, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(stream, form, **options)
    return stream.getvalue()


EXIF = Image.Exif()
EXIF[0x0112] = 6
PHOTOGRAPHS = [
    encoded("RGB", "JPEG", exif=EXIF),
    encoded("CMYK", "JPEG"),
    encoded("RGB", "PNG"),
    encoded("RGB", "TIFF", compression="tiff_lzw"),
    encoded("RGB", "WEBP"),
    encoded("P", "GIF"),
    encoded("RGB", "BMP"),
    encoded("RGB", "PPM"),
]
MASKS = [encoded("P", "PNG"), encoded("L", "PNG"), encoded("1", "PNG"), encoded("I;16", "PNG")]


def read_photograph(path: Path) -> None:
    image = read_image(path)
    assert (image.dtype, image.ndim, image.shape[2]) == (np.uint8, 3, 3)
    exif_orientation(path)


def read_mask(path: Path) -> None:
    labels = read_label_png(path)
    assert (labels.dtype, labels.ndim) == (np.uint8, 2)


@fuzz
@given(data=mutated(*PHOTOGRAPHS))
def test_photographs(tmp_path: Path, data: bytes) -> None:
    refuses_or_reads_file(tmp_path / "image.jpg", data, read_photograph)


@fuzz
@given(data=mutated(*MASKS))
def test_masks(tmp_path: Path, data: bytes) -> None:
    refuses_or_reads_file(tmp_path / "mask.png", data, read_mask)
