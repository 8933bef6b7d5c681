"""COCO's instance annotations: what is wrong with one, and label masks from those of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as run_lengths

from conta_core.data.masks import IGNORE

#: of a coordinate or an area: exact as a float
_LARGEST = 2**53
#: pycocotools shifts by more than this out of its integers
_MAX_SHIFT = 30
Annotation = Mapping[str, Any]


def annotation_problem(annotation: Annotation, size: tuple[int, int]) -> str | None:
    """What keeps an annotation from being drawn, in words, or None.

    pycocotools draws broken input without a word, or crashes on it, so it is looked at first.
    A polygon that reaches over the edge is good, its rest is drawn.

    Args:
        annotation: of the json, with ``area`` and ``segmentation``: polygons, or a run-length
            code, compressed or not, as crowds have it.
        size: height and width of its image.
    """
    if not _is_finite(annotation["area"]):
        return f"its area is {annotation['area']!r}; expected a number of pixels"
    segmentation = annotation["segmentation"]
    if isinstance(segmentation, Mapping):
        return _run_length_problem(segmentation, size)
    if not isinstance(segmentation, Sequence) or isinstance(segmentation, str):
        return f"a segmentation of {segmentation!r}; expected polygons or a run-length code"
    if not segmentation:
        return "no polygon; expected at least one"
    return next((p for p in (_polygon_problem(one, size) for one in segmentation) if p), None)


def draw_labels(
    annotations: Sequence[Annotation], size: tuple[int, int], category_class: Mapping[int, int]
) -> np.ndarray:
    """Labels of one image from annotations without problems.

    Crowd regions are painted first, as 255, then the objects from the largest to the smallest
    area, so that a small object lies over a large one, and an object over a crowd.

    Args:
        annotations: of the image.
        size: its height and width.
        category_class: category id -> class index from 0; objects of other categories are 255.

    Returns:
        uint8 (H, W): 0 background, i + 1 class i, 255 ignore.
    """
    labels = np.zeros(size, np.uint8)
    ordered = sorted(annotations, key=lambda a: (not a.get("iscrowd"), -a["area"], a["id"]))
    for annotation in ordered:
        chosen = annotation["category_id"] in category_class and not annotation.get("iscrowd")
        value = category_class[annotation["category_id"]] + 1 if chosen else IGNORE
        labels[_region(annotation["segmentation"], size) > 0] = value
    return labels


def _region(segmentation: Any, size: tuple[int, int]) -> np.ndarray:
    """Pixels of a segmentation: uint8 (H, W), 0 or 1."""
    if isinstance(segmentation, Mapping) and isinstance(segmentation["counts"], str | bytes):
        return run_lengths.decode(segmentation)
    coded = run_lengths.frPyObjects(segmentation, *size)
    return run_lengths.decode(run_lengths.merge(coded) if isinstance(coded, list) else coded)


def _polygon_problem(polygon: Any, size: tuple[int, int]) -> str | None:
    if not isinstance(polygon, Sequence) or not all(_is_number(value) for value in polygon):
        return "a polygon that is no list of numbers; expected x, y, x, y, ..."
    if len(polygon) < 6 or len(polygon) % 2:
        return f"a polygon of {len(polygon)} numbers; expected x and y of at least 3 points"
    if not all(_is_finite(value) for value in polygon):
        return "a polygon with a coordinate that is not finite"
    for axis, length in (("x", size[1]), ("y", size[0])):
        values = polygon[0::2] if axis == "x" else polygon[1::2]
        low, high = min(values), max(values)
        if high < 0 or low > length or low < -length or high > 2 * length:
            return (
                f"a polygon with {axis} from {low:g} to {high:g}; expected 0 to {length}, the "
                "image's size in the json"
            )
    return None


def _run_length_problem(code: Mapping[str, Any], size: tuple[int, int]) -> str | None:
    if code.get("size") not in (list(size), tuple(size)):
        return f"a run-length code for the size {code.get('size')}; expected {list(size)}"
    counts = code.get("counts")
    try:
        lengths = _decompressed(counts) if isinstance(counts, str) else counts
    except (IndexError, UnicodeError):
        return "a compressed run-length code that is cut off or damaged"
    if not isinstance(lengths, list) or not all(isinstance(n, int) and n >= 0 for n in lengths):
        return "a run-length code whose counts are no whole numbers from 0"
    if sum(lengths) != size[0] * size[1]:
        return f"a run-length code of {sum(lengths)} pixels; expected {size[0] * size[1]}"
    return None


def _decompressed(counts: str) -> list[int]:
    """Run lengths of COCO's compressed code (maskApi.c, rleFrString)."""
    lengths: list[int] = []
    characters = iter(counts.encode("ascii"))
    for character in characters:
        value, shift = (character - 48) & 0x1F, 5
        bits = character - 48
        while bits & 0x20:
            following = next(characters, None)
            if following is None:
                raise IndexError(counts)
            if shift > _MAX_SHIFT:
                raise IndexError(counts)
            bits = following - 48
            value |= (bits & 0x1F) << shift
            shift += 5
        if bits & 0x10:
            value -= 1 << shift
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
    return lengths


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    return _is_number(value) and abs(value) <= _LARGEST
