"""Diagnostics of confounding, for data sets whose images have a context map.

A context map is a uint8 PNG of the image's size in which the value c + 1 marks the
texture that is typical of class c. A model that has learned the context instead of the
object predicts c where there is only c's context. Three measures say how far it has; none
of them needs a threshold of its own, and none is part of the paper.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.evaluation.scores.score_files import rounded
from conta_core.images.masks import IGNORE

#: pixels farther than this from every object are "far", in an image whose long side is 128
FAR = 14.0
#: a context is present where it covers more than this share of the image
PRESENT = 0.05


def read_context_map(manifest: Manifest, image_id: str) -> np.ndarray | None:
    """The context map of an image, uint8 (H, W), or None where it has none.

    The file numbers the classes as the ground-truth masks do; here the value c + 1 stands
    for class c of the manifest, 0 for the context of no class (or of one left out).

    Raises:
        ContaError: the map is unreadable or has not the size of the image.
    """
    record = manifest.images[image_id]
    if record.context_map is None:
        return None
    context = record.read_own_labels(record.context_map)
    table = np.zeros(256, dtype=np.uint8)
    for found, meant in manifest.mask_values.items():
        table[found] = 0 if meant == IGNORE else meant
    return table[context]


def far_from_objects(truth: np.ndarray) -> np.ndarray:
    """Pixels more than 14 px (at a long side of 128, else in proportion) from any object.

    Args:
        truth: uint8 (H, W), 0 background; everything else, 255 too, counts as object.

    Returns:
        bool (H, W); all true where there is no object.
    """
    background = truth == 0
    if background.all():
        return background
    distance = cv2.distanceTransform(
        background.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    return np.asarray(distance > FAR * max(truth.shape) / 128)


class ContextFalsePositives:
    """Where false positives lie: far ones by context, and their share on their own context.

    Counts are summed over classes and images before any division.
    """

    def __init__(self) -> None:
        #: predicted and all far pixels, on the class's own context and on others
        self._far = {"own_context": [0, 0], "other_contexts": [0, 0]}
        self._false = [0, 0]
        self.images = 0

    def update(
        self,
        prediction: np.ndarray,
        truth: np.ndarray,
        context: np.ndarray,
        candidates: Iterable[int],
    ) -> None:
        """Count one image.

        Args:
            prediction: uint8 (H, W), 0 background, i + 1 class i.
            truth: uint8 (H, W), the same, or 255 for pixels that do not count.
            context: uint8 (H, W), c + 1 on the context of class c.
            candidates: class indices that can be predicted in this image. For CAMs these
                are its tags: else every image of a class, which mostly stands on its
                context, would count as a mistake of the model.
        """
        self.images += 1
        far = far_from_objects(truth)
        counted = truth != IGNORE
        for index in candidates:
            predicted = prediction == index + 1
            own = context == index + 1
            for name, where in (("own_context", far & own), ("other_contexts", far & ~own)):
                self._far[name][0] += int((predicted & where).sum())
                self._far[name][1] += int(where.sum())
            false = predicted & counted & (truth != index + 1)
            self._false[0] += int((false & own).sum())
            self._false[1] += int(false.sum())

    def result(self) -> dict[str, Any]:
        """The numbers for the scores json, in percent, null where nothing was counted.

        Returns:
            ``far_false_positives``: rate at which a class is predicted far from any object,
            on its own context and on others; ``false_positives_on_own_context``: share of
            all false-positive pixels; ``images``.
        """
        return {
            "images": self.images,
            "far_false_positives": {name: _percent(*counts) for name, counts in self._far.items()},
            "false_positives_on_own_context": _percent(*self._false),
        }


class SwapTest:
    """Mean P(class) where the class is absent, with its context present or absent.

    To be used on a balanced list, where context says nothing about the tags.
    """

    def __init__(self) -> None:
        #: sum of the probabilities and number of cases
        self._present = [0.0, 0.0]
        self._absent = [0.0, 0.0]

    def update(self, probability: np.ndarray, tags: np.ndarray, context: np.ndarray) -> None:
        """Count one image.

        Args:
            probability: float (n,), the classifier's P(class), 0..1.
            tags: float (n,), 1 where the class is in the image.
            context: uint8 (H, W), c + 1 on the context of class c.
        """
        share = np.bincount(context.ravel(), minlength=256)[1 : len(tags) + 1] / context.size
        absent = np.asarray(tags) == 0
        for sums, chosen in (
            (self._present, absent & (share > PRESENT)),
            (self._absent, absent & (share <= PRESENT)),
        ):
            sums[0] += float(np.asarray(probability, dtype=np.float64)[chosen].sum())
            sums[1] += int(chosen.sum())

    def result(self) -> dict[str, Any]:
        """Mean probabilities 0..1 (null where there is no case) and the numbers of cases."""
        return {
            "context_present": rounded(_ratio(*self._present)),
            "context_absent": rounded(_ratio(*self._absent)),
            "cases_present": int(self._present[1]),
            "cases_absent": int(self._absent[1]),
        }


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _percent(part: float, whole: float) -> float | None:
    return rounded(100.0 * part / whole) if whole else None
