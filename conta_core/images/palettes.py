"""The colours of label masks: VOC's palette, and masks that are read by their colours."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

#: label of a pixel that nothing is said about
IGNORE = 255
#: classes that VOC's palette has names for, beside the background
_VOC_CLASSES = 20


def voc_palette() -> np.ndarray:
    """The VOC colour map: uint8 (256, 3), 0 black, 255 cream (VOC devkit, VOClabelcolormap)."""
    index = np.arange(256, dtype=np.uint8)
    palette = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= ((index >> (3 * bit + channel)) & 1) << (7 - bit)
    return palette


def colour_code(red: int, green: int, blue: int) -> int:
    """A colour as one number, 0xRRGGBB."""
    return red << 16 | green << 8 | blue


def voc_colours(count: int = _VOC_CLASSES) -> dict[int, int]:
    """Colour -> label of VOC's palette: the background, the first ``count`` classes, and 255."""
    palette = voc_palette().tolist()
    return {colour_code(*palette[label]): label for label in (*range(count + 1), IGNORE)}


_VOC_BYTES = voc_palette().tobytes()
_VOC_COLOURS = voc_colours()


def labels_of_indices(
    indices: np.ndarray, palette: bytes, colours: Mapping[int, int] | None
) -> np.ndarray:
    """The labels of a mask with a palette.

    They are its indices, unless its colours certainly mean something else. Its colours count
    where each that is used is one of ``colours``. Without ``colours`` they count where each that
    is used is one of VOC's, one at least lies at another index than VOC's, and they are not all
    grey: programs that save few colours number them anew.

    Args:
        indices: uint8 (H, W).
        palette: red, green and blue of each index.
        colours: 0xRRGGBB -> label, of the data set; None: it names none.

    Returns:
        uint8 (H, W).
    """
    if colours is None and _VOC_BYTES.startswith(palette):
        return indices
    used = np.flatnonzero(np.bincount(indices.ravel(), minlength=256)).tolist()
    entries = np.frombuffer(palette[: len(palette) // 3 * 3], np.uint8).reshape(-1, 3).tolist()
    if not used or used[-1] >= len(entries):
        return indices
    known = _VOC_COLOURS if colours is None else colours
    codes = {index: colour_code(*entries[index]) for index in used}
    if any(code not in known for code in codes.values()):
        return indices
    if colours is None and all(len(set(entries[index])) == 1 for index in used):
        return indices
    table = np.zeros(256, np.uint8)
    for index, code in codes.items():
        table[index] = known[code]
    return table[indices]


def labels_of_pixels(
    pixels: np.ndarray, colours: Mapping[int, int] | None
) -> tuple[np.ndarray, tuple[int, int, int] | None]:
    """The labels of a mask without a palette, and a colour that means nothing.

    Args:
        pixels: uint8 (H, W, 3), red, green and blue.
        colours: 0xRRGGBB -> label; None: VOC's. Where some are none of them, and all pixels are
            grey, the labels are the grey values.

    Returns:
        uint8 (H, W); None, or red, green and blue of a pixel that has no label.
    """
    red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
    codes = red << 16 | green << 8 | blue
    labels = np.zeros(codes.shape, np.uint8)
    unknown = np.ones(codes.shape, bool)
    for code, label in (_VOC_COLOURS if colours is None else colours).items():
        here = codes == code
        labels[here] = label
        unknown &= ~here
        if not unknown.any():
            return labels, None
    grey = pixels[..., 0]
    if np.array_equal(red, green) and np.array_equal(red, blue) and _are_numbers(grey):
        return np.ascontiguousarray(grey), None
    strange = pixels[unknown][0].tolist()
    return labels, (strange[0], strange[1], strange[2])


def _are_numbers(grey: np.ndarray) -> bool:
    """Whether grey values are numbers of classes; black and white alone are a picture."""
    return bool(((grey > 0) & (grey < IGNORE)).any())
