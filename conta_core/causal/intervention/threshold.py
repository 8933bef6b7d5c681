"""The background threshold of a later round (docs/method.md, "The threshold of later rounds").

The classifier of an intervention answers to less of an object than that of round 0, and the
threshold that fitted round 0 cuts too much away. The objects themselves have not changed. So the
threshold is taken at which those that can be trusted in round 0 are as large, in all, as there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from conta_core.causal.intervention.area_filter import Verdict, judge
from conta_core.errors import ContaError
from conta_core.refinement.pseudo_masks import strongest_class

#: the thresholds among which one is chosen
THRESHOLDS = np.arange(101) / 100

#: image id -> class index of a tag -> its area at each threshold, as a share of the image
Curves = Mapping[str, Mapping[int, np.ndarray]]


def areas_above(
    maps: np.ndarray, keys: np.ndarray, thresholds: Sequence[float] | np.ndarray
) -> dict[int, np.ndarray]:
    """How much of an image each class has at each background threshold.

    Args:
        maps: float (k, H, W), 0..1, the image's own classes.
        keys: int (k,), class index of each map.
        thresholds: (m,) values of the background.

    Returns:
        Class index -> float64 (m,), shares of the image, by argmax of [threshold, maps].
    """
    strongest, classes = strongest_class(maps, keys)
    levels = np.asarray(thresholds, dtype=np.float32)
    shares = {}
    for key in np.asarray(keys).tolist():
        own = np.sort(strongest[classes == key])
        above = len(own) - np.searchsorted(own, levels, side="right")
        shares[int(key)] = above / strongest.size
    return shares


def same_area_threshold(
    first: Mapping[str, Mapping[int, float]],
    now: Curves,
    class_count: int,
    area_filter: tuple[float, float] | None,
) -> float:
    """The threshold at which the objects trusted in round 0 are as large, in all, as there.

    Args:
        first: areas in round 0, at its own threshold: image id -> class index -> share.
        now: areas in this round at :data:`THRESHOLDS`, of the same images and classes.
        class_count: how many classes there are.
        area_filter: as ``limits`` of :func:`.area_filter.judge`.

    Raises:
        ContaError: round 0 has no object to trust.
    """
    objects = [
        (image_id, index)
        for image_id, index, verdict in judge(first, class_count, area_filter)
        if verdict is Verdict.TRUSTED
    ]
    if not objects:
        raise ContaError(
            f"the refined CAMs of {len(first)} training images hold no object in round 0; look at "
            "its pseudo-masks, or lower pseudo_masks.background_threshold"
        )
    before = sum(first[image_id][index] for image_id, index in objects)
    after = np.sum([now[image_id][index] for image_id, index in objects], axis=0)
    return float(THRESHOLDS[np.abs(after - before).argmin()])
