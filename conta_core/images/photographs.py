"""Reading photographs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from conta_core.errors import ContaError
from conta_core.images.depth import to_bytes
from conta_core.images.file_bytes import NamedBytes, read_bytes
from conta_core.images.kinds import FORMATS, HEAD, mend_of
from conta_core.images.orientation import orientation_of, turn_back, turned_size
from conta_core.images.working_size import working_size

#: of an image or mask: a quarter of a GiB as RGB, from where Pillow warns too. Full-size maps of
#: a few tags would take gigabytes already.
MAX_PIXELS = 2**28 // 3
#: of a photograph's height and width: a network's grid needs a cell at the smallest scale
MIN_SIDE = 8


def read_image(path: str | os.PathLike[str], long_side: int | None = None) -> np.ndarray:
    """Read an image file as RGB, as its pixels are stored.

    Args:
        path: of the file.
        long_side: to which a larger image is scaled down, pixels; None: it is as it is.

    Returns:
        uint8 (H, W, 3), values 0-255. Greyscale is repeated, more than 8 bits are scaled
        (:mod:`conta_core.images.depth`), CMYK is converted, alpha is dropped. What EXIF says
        of turning is not applied, since masks lie in the stored orientation; HEIC is stored
        as it is shown.

    Raises:
        ContaError: the file is missing, cut off, no image of the
            :data:`~conta_core.images.kinds.FORMATS`, or larger than
            :data:`MAX_PIXELS`.
    """
    return read_whole(path, long_side).pixels


@dataclass(frozen=True)
class WholeImage:
    """An image file's pixels, and what its head says.

    Attributes:
        pixels: uint8 (H, W, 3), as :func:`read_image` gives them.
        own_size: height and width before it was scaled down.
        orientation: what its EXIF data ask for: 1 as stored, up to 8.
    """

    pixels: np.ndarray
    own_size: tuple[int, int]
    orientation: int


def read_whole(path: str | os.PathLike[str], long_side: int | None = None) -> WholeImage:
    """As :func:`read_image`, with what the file's head says."""
    try:
        content = path.getvalue() if isinstance(path, NamedBytes) else read_bytes(path)
        # from a stream: of a path Pillow maps a TIFF into memory, and turns that wrongly
        with open_image(NamedBytes(content, str(path)).as_path()) as image:
            own = image.height, image.width
            size = working_size(own, long_side)
            deep = _is_deep_colour(image)  # before anything decodes it
            if size != own:
                image.draft(None, (size[1], size[0]))  # JPEG decodes at a half, a quarter or less
            orientation = orientation_of(image)
            pixels = _deep_colour(content) if deep else _rgb(image)
            if image.format == "TIFF":  # which Pillow turns, its size at once
                own, size = (turned_size(one, orientation) for one in (own, size))
                pixels = pixels if deep else turn_back(pixels, orientation)
    except FileNotFoundError:
        raise ContaError(
            f"{path}: no such image; expected a file there: restore it or take its id off the list"
        ) from None
    except ContaError:
        raise
    except Exception as error:  # on damaged bytes Pillow fails in every way there is
        raise ContaError(
            f"{path}: unreadable image ({error}); {mend_of(content[:HEAD])} or take its id off the "
            "list"
        ) from None
    if pixels.shape[:2] != size:
        pixels = cv2.resize(pixels, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return WholeImage(np.ascontiguousarray(pixels), own, orientation)


def exif_orientation(path: str | os.PathLike[str]) -> int:
    """The orientation that an image file's EXIF data ask for: 1 as stored, up to 8."""
    try:
        with open_image(path) as image:
            return orientation_of(image)
    except Exception:  # what is wrong with it is told when it is read
        return 1


def stored_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Height and width in pixels of what :func:`read_image` gives, from the file's head.

    Raises:
        ContaError: as :func:`open_image`.
        Exception: of Pillow, where the head is damaged.
    """
    with open_image(path) as image:
        width, height = image.size
        turned = image.format == "TIFF" and orientation_of(image) >= 5  # Pillow's size is turned
        return (width, height) if turned else (height, width)


def _rgb(image: Image.Image) -> np.ndarray:
    """The pixels of an image, uint8 (H, W, 3), as Pillow decodes them."""
    if image.mode[0] not in "IF":
        return np.asarray(image.convert("RGB"))
    return np.repeat(to_bytes(np.asarray(image))[..., None], 3, axis=2)


def _is_deep_colour(image: Image.Image) -> bool:
    """Whether the file has colours of 16 bits, of which Pillow keeps the upper byte."""
    if image.mode not in ("RGB", "RGBA", "LA"):
        return False
    # what the decoder is told: "RGB;16B" or the like, or of PPM its mode and the number of white
    told = [tile[3] for tile in getattr(image, "tile", ()) if tile[3]]
    return any(";16" in str(args) or args[1:] == (2**16 - 1,) for args in told)


def _deep_colour(content: bytes) -> np.ndarray:
    """Colours of 16 bits as uint8 (H, W, 3)."""
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    found = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flags)
    if found is None:
        raise ValueError("colours of 16 bits that cannot be decoded")
    return to_bytes(found[..., ::-1])


@contextmanager
def open_image(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """An image file of the formats that are read, not decoded yet.

    Raises:
        ContaError: it declares more than :data:`MAX_PIXELS`.
    """
    try:
        image = Image.open(path, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # Pillow refuses from twice its limit on; its text begins with the size
        raise _too_large(path, str(error).partition(" exceeds")[0]) from None
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(path, f"{image.width} x {image.height} pixels")
        yield image


def _too_large(path: str | os.PathLike[str], found: str) -> ContaError:
    return ContaError(
        f"{path}: refused, too large: {found}, expected at most {MAX_PIXELS:,} pixels: scale it "
        "down"
    )
