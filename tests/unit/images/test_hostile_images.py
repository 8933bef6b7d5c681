from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from conta_core.data.image_ids import check_image_id
from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png
from conta_core.images.photographs import MAX_PIXELS, read_image


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.parametrize("read", [read_image, read_label_png])
@pytest.mark.parametrize("side", [60_000, 11_000])
@pytest.mark.filterwarnings("ignore")
def test_images_of_absurd_size(tmp_path: Path, read: Callable, side: int) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    with pytest.raises(ContaError, match=r"bomb\.png: refused, too large") as raised:
        read(path)
    assert f"{MAX_PIXELS:,} pixels: scale it down" in str(raised.value)
    assert str(side * side) in str(raised.value) or f"{side} x {side}" in str(raised.value)


def test_formats_that_run_programs(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n")
    with pytest.raises(ContaError, match=r"image\.jpg: unreadable image"):
        read_image(path)


@pytest.mark.parametrize(
    "image_id", ["", "..", "a/b", "/a", "a\\b", "a\0", ".a", "a\n", "a..b", "x" * 201, "é", "-a"]
)
def test_ids_with_path_parts(image_id: str) -> None:
    with pytest.raises(ContaError, match=r"tags\.csv, line 3: image id"):
        check_image_id(image_id, "tags.csv, line 3")
