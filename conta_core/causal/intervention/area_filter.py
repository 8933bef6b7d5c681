"""Which of the objects that were found to trust, judged without ground truth by their areas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

import numpy as np

#: image id -> class index of a tag -> its object's share of the image
Areas = Mapping[str, Mapping[int, float]]


class Verdict(Enum):
    """What an object's area says of it."""

    MISSED = "much smaller than usual, or not there"
    TRUSTED = "about as large as usual"
    SWALLOWED = "so large that it has swallowed its context"


def judge(
    areas: Areas, class_count: int, limits: tuple[float, float] | None
) -> Iterator[tuple[str, int, Verdict]]:
    """Judge each object by its area beside the median of its class, or of all objects.

    The smaller of the two medians is taken: a class that mostly swallows its context has a
    median that has done so too, and the median of all objects shows it.

    Args:
        areas: of every tag of every image; 0 where nothing was found.
        class_count: how many classes there are.
        limits: least and greatest area over that median; None: every object that is there
            is trusted.

    Yields:
        Image id, class index, verdict.
    """
    usual = _usual_areas(areas, class_count)
    least, greatest = limits or (0.0, np.inf)
    for image_id, own in areas.items():
        for index, area in own.items():
            if area == 0 or area < least * usual[index]:
                yield image_id, index, Verdict.MISSED
            elif area > greatest * usual[index]:
                yield image_id, index, Verdict.SWALLOWED
            else:
                yield image_id, index, Verdict.TRUSTED


def _usual_areas(areas: Areas, class_count: int) -> list[float]:
    """By class the median area of its objects or of all objects, whichever is smaller."""
    found: list[list[float]] = [[] for _ in range(class_count)]
    for own in areas.values():
        for index, area in own.items():
            if area > 0:
                found[index].append(area)
    of_all = [area for own in found for area in own]
    return [float(min(np.median(own), np.median(of_all))) if own else 0.0 for own in found]
