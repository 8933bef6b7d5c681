from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png, voc_palette, write_label_png

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


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_of_voc_are_read(mode: str, tmp_path: Path) -> None:
    labels = np.array([[0, 15, 255], [20, 7, 0]], np.uint8)
    path = tmp_path / "m.png"
    Image.fromarray(voc_palette()[labels]).convert(mode).save(path)
    np.testing.assert_array_equal(read_label_png(path), labels)


@pytest.mark.parametrize("order", [[0, 15, 255], [15, 0, 255], [255, 12, 0, 1], [0, 2, 1]])
@pytest.mark.parametrize("padded", [False, True])
def test_a_palette_of_few_colours_of_voc_is_read_by_them(
    order: list[int], padded: bool, tmp_path: Path
) -> None:
    """As programs write that save only the colours in use, in an order of their own."""
    indices = np.arange(6, dtype=np.uint8).reshape(2, 3) % len(order)
    image = Image.fromarray(indices, mode="P")
    rest = [77] * (768 - 3 * len(order)) if padded else []
    image.putpalette([*voc_palette()[order].ravel().tolist(), *rest])
    image.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_label_png(tmp_path / "m.png"), np.array(order)[indices])


def test_what_programs_make_of_a_coloured_mask(tmp_path: Path) -> None:
    labels = np.repeat(np.array([[0, 8, 12, 255]], np.uint8), 9, axis=0)
    coloured = Image.fromarray(voc_palette()[labels])
    for number, image in enumerate((coloured.quantize(), coloured.convert("P", palette=1))):
        image.save(tmp_path / f"{number}.png")
        np.testing.assert_array_equal(read_label_png(tmp_path / f"{number}.png"), labels)


@pytest.mark.parametrize(
    "palette",
    [
        [value for grey in range(256) for value in (grey, grey, grey)],  # a ramp
        [0, 0, 0, 64, 64, 64, 128, 128, 128, 0, 0, 0],  # greys that VOC's palette has too
        [0, 0, 0, 255, 0, 0, 0, 128, 0, 128, 0, 0],  # one colour is not VOC's
    ],
)
def test_other_palettes_are_read_by_their_indices(palette: list[int], tmp_path: Path) -> None:
    image = Image.fromarray(LABELS, mode="P")
    image.putpalette(palette)
    image.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_label_png(tmp_path / "m.png"), LABELS)


def test_colours_that_the_data_set_names(tmp_path: Path) -> None:
    colours = {0x000000: 0, 0x32B7FA: 1, 0xFA3253: 2}
    pixels = np.array([[[0, 0, 0], [50, 183, 250], [250, 50, 83]]], np.uint8)
    expected = np.array([[0, 1, 2]])
    Image.fromarray(pixels).save(tmp_path / "rgb.png")
    np.testing.assert_array_equal(read_label_png(tmp_path / "rgb.png", colours), expected)
    image = Image.fromarray(np.array([[2, 0, 1]], np.uint8), mode="P")
    image.putpalette([50, 183, 250, 250, 50, 83, 0, 0, 0])
    image.save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_label_png(tmp_path / "p.png", colours), expected)
    pixels[0, 0] = 9, 9, 8
    Image.fromarray(pixels).save(tmp_path / "rgb.png")
    with pytest.raises(ContaError, match=r"label map does not name, among them \(9, 9, 8\)"):
        read_label_png(tmp_path / "rgb.png", colours)


def test_numbers_in_three_equal_channels(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    Image.fromarray(np.repeat(LABELS[..., None], 3, axis=2)).save(path)
    np.testing.assert_array_equal(read_label_png(path), LABELS)


def test_other_colours_are_refused_and_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    Image.fromarray(np.full((2, 2, 3), (77, 78, 79), np.uint8)).save(path)
    with pytest.raises(ContaError, match=r"does not have, among them \(77, 78, 79\).*labelmap"):
        read_label_png(path)
    Image.fromarray(np.zeros((2, 2, 4), np.uint8)).save(path)
    with pytest.raises(ContaError, match="a mask of mode RGBA, partly transparent"):
        read_label_png(path)
    Image.fromarray(np.repeat(LABELS[..., None] // 3 * 255, 3, axis=2)).save(path)
    with pytest.raises(ContaError, match="black and white; expected class indices: write the num"):
        read_label_png(path)


def test_missing_and_broken(tmp_path: Path) -> None:
    with pytest.raises(ContaError, match="no such mask"):
        read_label_png(tmp_path / "m.png")
    write_label_png(tmp_path / "m.png", np.zeros((64, 64), np.uint8))
    content = (tmp_path / "m.png").read_bytes()
    (tmp_path / "m.png").write_bytes(content[: len(content) - 40])
    with pytest.raises(ContaError, match="unreadable mask"):
        read_label_png(tmp_path / "m.png")
