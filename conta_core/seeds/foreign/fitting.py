"""From another program's maps to CAMs as this one has them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from conta_core.data.image_record import ImageRecord
from conta_core.seeds.cams import GRID_STRIDE, ImageCams
from conta_core.seeds.foreign.forms import ForeignMaps
from conta_core.seeds.foreign.labels import class_words, require_labels, written
from conta_core.storage.foreign.limits import RefusedError

#: by so much a map may leave 0..1: rounding
TOLERANCE = 1e-3


def fit_maps(
    maps: ForeignMaps, size: tuple[int, int], keys: np.ndarray, classes: Sequence[str]
) -> ImageCams:
    """Bring another program's maps into the order and the types of CAMs.

    A map that the file lacks is made of the other one, see :func:`enlarge` and :func:`reduce`.
    Values that are there already in float32 (cam) and float16 (high_res) keep their bits.

    Args:
        maps: of the image.
        size: of the image, height and width in pixels.
        keys: class indices of its tags, ascending, int (k,).
        classes: foreground class names.

    Returns:
        CAMs without a probability.

    Raises:
        RefusedError: a class that is none, other classes than the image's tags, another size or
            type, values that are no number or outside 0..1.
    """
    _require_classes(maps.keys, keys.tolist(), classes)
    order = np.argsort(np.array(maps.keys, dtype=np.int64))
    grid = _grid(size)
    if not len(keys):
        return ImageCams(np.zeros((0, *grid), np.float32), np.zeros((0, *size), np.float16))
    cam, full = (
        None if found is None else _checked(name, found[order], expected, maps.clips)
        for name, found, expected in (
            ("cam", maps.cam, grid),
            ("maps at full size", maps.high_res, size),
        )
    )
    if cam is None:
        assert full is not None
        cam = reduce(full)
    if full is None:
        full = enlarge(cam, size)
    return ImageCams(cam.astype(np.float32), full.astype(np.float16))


def fit_to(
    record: ImageRecord, maps: ForeignMaps, keys: np.ndarray, classes: Sequence[str]
) -> ImageCams:
    """As :func:`fit_maps`, of an image that stages may read smaller than its owner has it.

    Maps of the photograph's own size are reduced, those of the size of the stages stay.

    Args:
        record: of the image.
        maps: of it.
        keys: class indices of its tags, ascending, int (k,).
        classes: foreground class names.
    """
    full = maps.high_res
    given = record.own_size if full is None or full.shape[1:] == record.own_size else record.size
    if maps.cam is not None and maps.cam.shape[1:] == _grid(record.size):
        given = record.size
    fitted = fit_maps(maps, given, keys, classes)
    if given == record.size:
        return fitted
    return ImageCams(
        _smaller(fitted.cam, _grid(record.size)), _smaller(fitted.high_res, record.size)
    )


def fit_labels(
    labels: np.ndarray, record: ImageRecord, keys: np.ndarray, classes: Sequence[str]
) -> ImageCams:
    """Take a pseudo-mask as CAMs of 0 and 1.

    Args:
        labels: uint8 (H, W): 0 background, i + 1 class i, 255 ignored, which counts as 0.
        record: of the image.
        keys: class indices of its tags, ascending, int (k,).
        classes: foreground class names.

    Raises:
        RefusedError: another size, or classes that are not among the image's tags.
    """
    require_labels(labels, record.own_size, keys, classes)
    full = record.at_working_size(labels)[None] == (keys[:, None, None] + 1)
    maps = ForeignMaps(keys.tolist(), None, full.astype(np.float16))
    return fit_maps(maps, record.size, keys, classes)


def _grid(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the stride-4 grid of an image."""
    return -(-size[0] // GRID_STRIDE), -(-size[1] // GRID_STRIDE)


def _smaller(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps (k, H, W) reduced to a height and width, of the same type."""
    reduced = np.zeros((len(maps), *size), maps.dtype)
    for target, one in zip(reduced, maps, strict=True):
        wide = np.ascontiguousarray(one, np.float32)
        target[...] = cv2.resize(wide, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return reduced


def enlarge(cam: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps at full size: four-fold bilinear enlargement, cut to the image.

    Args:
        cam: float (k, ceil(H/4), ceil(W/4)).
        size: H and W in pixels.

    Returns:
        float32 (k, H, W).
    """
    height, width = (GRID_STRIDE * side for side in cam.shape[1:])
    full = [
        cv2.resize(np.ascontiguousarray(one, np.float32), (width, height))[: size[0], : size[1]]
        for one in cam
    ]
    return np.stack(full)


def reduce(full: np.ndarray) -> np.ndarray:
    """Maps on the stride-4 grid: bilinear values at the cells' centres.

    That is the mean of the four pixels in the middle of a cell, so that :func:`enlarge` moves
    nothing. At the right and the bottom the image's last pixels are repeated.

    Args:
        full: float (k, H, W).

    Returns:
        float32 (k, ceil(H/4), ceil(W/4)).
    """
    after = [(0, -side % GRID_STRIDE) for side in full.shape[1:]]
    padded = np.pad(full.astype(np.float32), [(0, 0), *after], mode="edge")
    count, height, width = padded.shape
    cells = padded.reshape(
        count, height // GRID_STRIDE, GRID_STRIDE, width // GRID_STRIDE, GRID_STRIDE
    )
    return cells[:, :, 1:3, :, 1:3].mean(axis=(2, 4))


def _require_classes(found: Sequence[int], tags: Sequence[int], classes: Sequence[str]) -> None:
    outside = [key for key in found if not 0 <= key < len(classes)]
    if outside:
        raise RefusedError(
            f"it has the class index {outside[0]}, expected 0 to {len(classes) - 1}, without the "
            "background",
            "number its classes as dataset.classes does",
        )
    if len(set(found)) < len(found):
        raise RefusedError(f"it has a class twice: {list(found)}")
    if sorted(found) == sorted(tags):
        return
    text = f"it has maps of {class_words(sorted(found), classes)}, but the image's tags are "
    text += class_words(sorted(tags), classes)
    if sorted(found) == [0, *(tag + 1 for tag in sorted(tags))]:
        raise RefusedError(
            f"{text}: here 0 seems to be the background, expected it to be the first class",
            "leave the background's map out, and number the classes from 0",
        )
    raise RefusedError(text, "correct the tags, or make the file with these tags")


def _checked(name: str, maps: np.ndarray, size: tuple[int, int], clips: bool) -> np.ndarray:
    """The maps, float (k, h, w), 0..1."""
    if maps.dtype.kind != "f":
        raise RefusedError(
            f"its {name} are of type {maps.dtype}, expected float16, float32 or float64"
        )
    if maps.shape[1:] != size:
        raise RefusedError(
            f"its {name} are {written(maps.shape[1:])}, expected {written(size)} for this image"
        )
    least, greatest = float(maps.min()), float(maps.max())
    if not np.isfinite([least, greatest]).all():
        raise RefusedError(f"its {name} hold values that are no number (NaN, or infinite)")
    if (least < -TOLERANCE and not clips) or greatest > 1 + TOLERANCE:
        raise RefusedError(
            f"its {name} lie in {least:.4g} to {greatest:.4g}, expected 0 to 1",
            "divide each map by its maximum",
        )
    return np.clip(maps, 0, 1) if least < 0 or greatest > 1 else maps
