"""Label masks as PNG files in the VOC palette."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

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
    """Read the pixel values of a palette or 8-bit grey PNG, as they are.

    Returns:
        uint8 (H, W).

    Raises:
        ContaError: the file is missing, unreadable, or holds colours instead of labels.
    """
    try:
        with Image.open(path) as image:
            if image.mode not in ("P", "L"):
                raise ContaError(
                    f"{path}: a mask of mode {image.mode}; expected palette or 8-bit grey labels: "
                    "convert the colours to class indices"
                )
            return np.array(image)
    except FileNotFoundError:
        raise ContaError(f"{path}: no such mask; expected a PNG there") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise ContaError(f"{path}: unreadable mask ({error}); replace the file") from None


def require_masks(folder: str | os.PathLike[str], image_ids: Sequence[str]) -> None:
    """Raise ContaError unless the folder holds ``<id>.png`` for every id."""
    missing = [i for i in image_ids if not (Path(folder) / f"{i}.png").is_file()]
    if missing:
        raise ContaError(
            f"{folder}: lacks the masks of {len(missing)} images, among them {missing[:5]}; "
            "delete the folder and make it again"
        )
