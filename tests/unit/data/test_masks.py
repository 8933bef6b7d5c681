from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conta_core.data.masks import read_label_png, voc_palette, write_label_png
from conta_core.errors import ContaError

LABELS = np.array([[0, 1, 2, 3], [3, 0, 1, 1]], np.uint8)


def grey_png(path: Path, bits: int) -> None:
    """A grey PNG of ``bits`` bits a pixel that holds LABELS."""
    per_byte = 8 // bits
    rows = b""
    for line in LABELS:
        padded = [*line.tolist(), *[0] * (-len(line) % per_byte)]
        rows += b"\0"
        for start in range(0, len(padded), per_byte):
            byte = 0
            for value in padded[start : start + per_byte]:
                byte = byte << bits | value
            rows += bytes([byte])
    height, width = LABELS.shape
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        check = struct.pack(">I", zlib.crc32(kind + data))
        content += struct.pack(">I", len(data)) + kind + data + check
    path.write_bytes(content)


def test_round_trip_in_the_voc_palette(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    write_label_png(path, LABELS)
    np.testing.assert_array_equal(read_label_png(path), LABELS)
    with Image.open(path) as image:
        assert image.getpalette()[3:6] == [128, 0, 0]
    assert voc_palette()[15].tolist() == [192, 128, 128]  # person
    assert voc_palette()[20].tolist() == [0, 64, 128]  # tvmonitor
    assert voc_palette()[255].tolist() == [224, 224, 192]


def test_another_palette_is_read_by_its_indices(tmp_path: Path) -> None:
    image = Image.fromarray(LABELS, mode="P")
    image.putpalette([9, 9, 9, 250, 0, 0, 0, 250, 0, 0, 0, 250])
    image.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_label_png(tmp_path / "m.png"), LABELS)
    image.save(tmp_path / "small.png", bits=2)
    np.testing.assert_array_equal(read_label_png(tmp_path / "small.png"), LABELS)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_grey_indices_of_any_depth(tmp_path: Path, bits: int) -> None:
    grey_png(tmp_path / "m.png", bits)
    np.testing.assert_array_equal(read_label_png(tmp_path / "m.png"), LABELS)


def test_one_bit(tmp_path: Path) -> None:
    Image.fromarray(LABELS > 1).save(tmp_path / "m.png")
    found = read_label_png(tmp_path / "m.png")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, LABELS > 1)


def test_sixteen_bits(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    Image.fromarray(LABELS.astype(np.uint16)).save(path)
    found = read_label_png(path)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, LABELS)
    Image.fromarray(LABELS.astype(np.uint16) * 257).save(path)
    with pytest.raises(ContaError, match=r"16-bit mask with the value 771; expected class indices"):
        read_label_png(path)


def test_colours_are_refused_and_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    Image.fromarray(voc_palette()[LABELS]).save(path)
    with pytest.raises(ContaError, match=r"mode RGB, in the colours of VOC's palette; expected"):
        read_label_png(path)
    Image.fromarray(np.full((2, 2, 3), 77, np.uint8)).save(path)
    with pytest.raises(ContaError, match=r"does not have, among them \(77, 77, 77\).*convert"):
        read_label_png(path)
    Image.fromarray(np.zeros((2, 2, 4), np.uint8)).save(path)
    with pytest.raises(ContaError, match="a mask of mode RGBA"):
        read_label_png(path)


def test_missing_and_broken(tmp_path: Path) -> None:
    with pytest.raises(ContaError, match="no such mask"):
        read_label_png(tmp_path / "m.png")
    write_label_png(tmp_path / "m.png", np.zeros((64, 64), np.uint8))
    content = (tmp_path / "m.png").read_bytes()
    (tmp_path / "m.png").write_bytes(content[: len(content) - 40])
    with pytest.raises(ContaError, match="unreadable mask"):
        read_label_png(tmp_path / "m.png")
