"""Label masks as PNG files in the VOC palette."""

from __future__ import annotations

import os
from collections.abc import Mapping

import cv2
import numpy as np
from PIL import Image

from conta_core.errors import ContaError
from conta_core.images.palettes import (
    IGNORE,
    labels_of_indices,
    labels_of_pixels,
    voc_palette,
)
from conta_core.images.photographs import open_image

__all__ = ["IGNORE", "read_label_png", "resize_labels", "voc_palette", "write_label_png"]


def write_label_png(path: str | os.PathLike[str], labels: np.ndarray) -> None:
    """Write labels, uint8 (H, W), as a palette PNG."""
    image = Image.fromarray(np.ascontiguousarray(labels, dtype=np.uint8), mode="P")
    image.putpalette(voc_palette().tobytes())
    try:
        image.save(path, format="PNG", optimize=False, compress_level=3)
    except OSError as error:  # of a full disk it does not name the file
        error.filename = error.filename or os.fspath(path)
        raise


def read_label_png(
    path: str | os.PathLike[str], colours: Mapping[int, int] | None = None
) -> np.ndarray:
    """Read a PNG of class indices.

    Palette and grey PNGs of every bit depth are read by their stored numbers; 16-bit ones too,
    if none is above 255. Where the colours certainly say something else, they count
    (:func:`conta_core.images.palettes.labels_of_indices`). RGB is read by its colours.

    Args:
        path: of the mask.
        colours: 0xRRGGBB -> label, where the data set names its colours; None: VOC's.

    Returns:
        uint8 (H, W).

    Raises:
        ContaError: the file is missing, unreadable, or holds other colours or larger numbers.
    """
    try:
        with open_image(path) as image:
            if image.mode == "P":
                palette = np.array(image.getpalette("RGB") or [], np.uint8).tobytes()
                return labels_of_indices(np.array(image), palette, colours)
            if image.mode == "L":
                step = _grey_step(image)
                labels = np.array(image)
                return labels if step == 1 else labels // np.uint8(step)
            if image.mode in ("RGB", "RGBA"):
                return _coloured_labels(path, image, colours)
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
    raise ContaError(
        f"{path}: a mask of mode {image.mode}; expected palette or grey labels: convert the "
        "colours to class indices"
    )


def _coloured_labels(
    path: str | os.PathLike[str], image: Image.Image, colours: Mapping[int, int] | None
) -> np.ndarray:
    """Labels of RGB, by colours that are known; of RGBA, if nothing is transparent."""
    pixels = np.array(image)
    found = f"a mask of mode {image.mode}"
    if pixels.shape[2] == 4 and (pixels[..., 3] < IGNORE).any():
        raise ContaError(
            f"{path}: {found}, partly transparent; expected palette or grey labels: write the "
            "background black, without transparency"
        )
    labels, strange = labels_of_pixels(pixels[..., :3], colours)
    if strange is None:
        return labels
    whose = "VOC's palette does not have" if colours is None else "the label map does not name"
    if set(np.unique(pixels[..., :3]).tolist()) <= {0, IGNORE} and len(set(strange)) == 1:
        raise ContaError(
            f"{path}: {found}, black and white; expected class indices: write the number of the "
            "class (1 for the first) in place of white"
        )
    raise ContaError(
        f"{path}: {found}, with colours that {whose}, among them {strange}; expected palette or "
        "grey labels, or known colours: convert the colours to class indices, or name them in "
        "labelmap.txt (name:red,green,blue a line)"
    )


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels (H, W) at another height and width: each pixel takes the label at its centre.

    Labels that were enlarged and are reduced again are the same.
    """
    if labels.shape == size:
        return labels
    return cv2.resize(labels, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT)
