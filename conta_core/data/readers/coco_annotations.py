"""COCO's instance annotations: what is wrong with one, and label masks from those of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as run_lengths

from conta_core.images.masks import IGNORE

#: of a coordinate or an area: exact as a float
_LARGEST = 2**53
#: pycocotools shifts by more than this out of its integers
_MAX_SHIFT = 30
Annotation = Mapping[str, Any]


def annotation_problem(annotation: Annotation, size: tuple[int, int]) -> str | None:
    """What keeps an annotation from being drawn, in words, or None.

    pycocotools draws broken input without a word, or crashes on it, so it is looked at first.
    A polygon that reaches over the edge is good, its rest is drawn. An annotation with a box alone
    is good.

    Args:
        annotation: of the json, with ``segmentation``: polygons, or a run-length code, compressed
            or not, as crowds have it; or with ``bbox`` alone. ``area`` may be missing.
        size: height and width of its image.
    """
    area = annotation.get("area")
    if area is not None and not _is_finite(area):
        return f"its area is {area!r}; expected a number of pixels"
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, Mapping):
        return _run_length_problem(segmentation, size)
    if segmentation is None or segmentation == []:
        return None if _box(annotation) else "no polygon and no box; expected at least one"
    if not isinstance(segmentation, Sequence) or isinstance(segmentation, str):
        return f"a segmentation of {segmentation!r}; expected polygons or a run-length code"
    problem = next((p for p in (_polygon_problem(one, size) for one in segmentation) if p), None)
    return problem or _share_problem(segmentation, size)


def has_region(annotation: Annotation) -> bool:
    """Whether an annotation says more of where its object is than a box."""
    return bool(annotation.get("segmentation"))


def area_of(annotation: Annotation) -> float:
    """The area of an annotation in pixels: as it says, or where it does not, of what it marks."""
    area: Any = annotation.get("area")
    if _is_finite(area) and area > 0:
        return float(area)
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, Mapping):
        return float(sum(_lengths_of(segmentation)[1::2]))
    enclosed = area_of_polygons(annotation)
    if enclosed is not None:
        return enclosed
    return box_area(annotation)


def area_of_polygons(annotation: Annotation) -> float | None:
    """What the polygons of an annotation without problems enclose, in pixels; None: it has none."""
    segmentation = annotation.get("segmentation")
    if not isinstance(segmentation, list) or not segmentation:
        return None
    return sum(_polygon_area(one) for one in segmentation)


def extent_of_polygons(annotation: Annotation) -> float | None:
    """The area of the box about an annotation's polygons, in pixels; None: it has none."""
    if area_of_polygons(annotation) is None:
        return None
    points = np.concatenate([np.reshape(one, (-1, 2)) for one in annotation["segmentation"]])
    return float(np.prod(np.ptp(points, axis=0)))


def box_area(annotation: Annotation) -> float:
    """The area of an annotation's box in pixels; 0: it has no good one."""
    box = _box(annotation)
    return box[2] * box[3] if box else 0.0


def draw_labels(
    annotations: Sequence[Annotation], size: tuple[int, int], category_class: Mapping[int, int]
) -> np.ndarray:
    """Labels of one image from annotations without problems.

    Crowd regions and boxes without a region are painted first, as 255, then the objects from the
    largest to the smallest area, so that a small object lies over a large one, and an object over
    a crowd.

    Args:
        annotations: of the image.
        size: its height and width.
        category_class: category id -> class index from 0; objects of other categories are 255.

    Returns:
        uint8 (H, W): 0 background, i + 1 class i, 255 ignore.
    """
    labels = np.zeros(size, np.uint8)
    known = {id(a): has_region(a) and not a.get("iscrowd") for a in annotations}
    for annotation in sorted(annotations, key=lambda a: (known[id(a)], -area_of(a), a["id"])):
        chosen = annotation["category_id"] in category_class and known[id(annotation)]
        value = category_class[annotation["category_id"]] + 1 if chosen else IGNORE
        if has_region(annotation):
            labels[_region(annotation["segmentation"], size) > 0] = value
        elif box := _box(annotation):
            left, top, width, height = box
            rows = slice(max(0, int(top)), max(0, int(np.ceil(top + height))))
            labels[rows, max(0, int(left)) : max(0, int(np.ceil(left + width)))] = value
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


def _share_problem(polygons: Sequence[Any], size: tuple[int, int]) -> str | None:
    """Polygons that lie in the image's first pixel: their coordinates are shares of its sides."""
    highest = max(max(polygon) for polygon in polygons)
    if highest > 1 or max(size) <= 2:
        return None
    return (
        f"polygons with x and y up to {highest:g}, as shares of the image's sides; expected "
        f"pixels: multiply x by {size[1]} and y by {size[0]}"
    )


def _polygon_area(polygon: Any) -> float:
    """The area of a polygon x, y, x, y, ..., in pixels; 0 of what is none."""
    if not isinstance(polygon, Sequence) or len(polygon) < 6 or len(polygon) % 2:
        return 0.0
    if not all(_is_finite(value) for value in polygon):
        return 0.0
    x, y = np.asarray(polygon[0::2], float), np.asarray(polygon[1::2], float)
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _box(annotation: Annotation) -> tuple[float, float, float, float] | None:
    """Left, top, width and height of an annotation's box, pixels; None: it has no good one."""
    box = annotation.get("bbox")
    if not isinstance(box, Sequence) or isinstance(box, str) or len(box) != 4:
        return None
    if not all(_is_finite(value) for value in box) or box[2] <= 0 or box[3] <= 0:
        return None
    return (float(box[0]), float(box[1]), float(box[2]), float(box[3]))


def _lengths_of(code: Mapping[str, Any]) -> list[int]:
    """The run lengths of a code; none of a damaged one."""
    counts: Any = code.get("counts")
    try:
        lengths = _decompressed(counts) if isinstance(counts, str) else counts
    except (IndexError, UnicodeError):
        return []
    good = isinstance(lengths, list) and all(isinstance(n, int) for n in lengths)
    return list(lengths) if good else []


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
