"""Label masks as PNG files in the VOC palette."""

from __future__ import annotations

import os

import cv2
import numpy as np
from PIL import Image

from conta_core.data.images import open_image
from conta_core.errors import ContaError

IGNORE = 255


def voc_palette() -> np.ndarray:
    """The VOC colour map: uint8 (256, 3), 0 black, 255 cream (VOC devkit, VOClabelcolormap)."""
    index = np.arange(256, dtype=np.uint8)
    palette = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= ((index >> (3 * bit + channel)) & 1) << (7 - bit)
    return palette


def write_label_png(path: str | os.PathLike[str], labels: np.ndarray) -> None:
    """Write labels, uint8 (H, W), as a palette PNG."""
    image = Image.fromarray(np.ascontiguousarray(labels, dtype=np.uint8), mode="P")
    image.putpalette(voc_palette().tobytes())
    image.save(path, format="PNG", optimize=False, compress_level=3)


def read_label_png(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a PNG of class indices as they are: a palette's colours do not matter.

    Palette and grey PNGs of every bit depth are read by their stored numbers; 16-bit ones too,
    if none is above 255.

    Returns:
        uint8 (H, W).

    Raises:
        ContaError: the file is missing, unreadable, or holds colours or larger numbers.
    """
    try:
        with open_image(path) as image:
            if image.mode in ("P", "L"):
                step = _grey_step(image)
                labels = np.array(image)
                return labels if step == 1 else labels // np.uint8(step)
            return _unusual_labels(path, image)
    except FileNotFoundError:
        raise ContaError(f"{path}: no such mask; expected a PNG there") from None
    except ContaError:
        raise
    except Exception as error:  # on damaged bytes Pillow fails in every way there is
        raise ContaError(f"{path}: unreadable mask ({error}); replace the file") from None


def _grey_step(image: Image.Image) -> int:
    """By what Pillow multiplies the stored numbers of a grey PNG of 2 or 4 bits."""
    tiles = getattr(image, "tile", ())
    mode = tiles[0][3] if tiles else None
    return {"L;2": 85, "L;4": 17}.get(mode[0] if isinstance(mode, tuple) else str(mode), 1)


def _unusual_labels(path: str | os.PathLike[str], image: Image.Image) -> np.ndarray:
    """Labels of 1-bit and 16-bit grey; every other mode is refused."""
    if image.mode == "1":
        return np.array(image, dtype=np.uint8)
    values = np.array(image)
    if image.mode in ("I", "I;16", "I;16B", "I;16L"):
        largest = int(values.max())
        if largest > IGNORE:
            raise ContaError(
                f"{path}: a 16-bit mask with the value {largest}; expected class indices up to "
                "254, and 255: write it as 8-bit grey or palette indices"
            )
        return values.astype(np.uint8)
    found = f"a mask of mode {image.mode}"
    if values.ndim == 3 and values.shape[2] == 3:
        palette = {tuple(colour) for colour in voc_palette()[[*range(21), IGNORE]].tolist()}
        colours = {tuple(c) for c in np.unique(values.reshape(-1, 3), axis=0).tolist()}
        others = sorted(colours - palette)
        found += (
            f", with colours that VOC's palette does not have, among them {others[0]}"
            if others
            else ", in the colours of VOC's palette"
        )
    raise ContaError(
        f"{path}: {found}; expected palette or grey labels: convert the colours to class indices"
    )


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels (H, W) at another height and width: each pixel takes the label at its centre.

    Labels that were enlarged and are reduced again are the same.
    """
    if labels.shape == size:
        return labels
    return cv2.resize(labels, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT)
