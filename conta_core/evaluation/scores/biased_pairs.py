"""How well a class is found with its companion in the image, and without: biased pairs.

Singh et al. (CVPR 2020, section 3) compare a class on images that hold its companion too with
the same class on images that do not. Here the score is the IoU of its masks, so that any data set
with ground truth can be asked. docs/measures.md says how the pairs are chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.evaluation.scores.cooccurrence import LEAST, closest_companions
from conta_core.evaluation.scores.label_counts import LabelCounts
from conta_core.evaluation.scores.score_files import rounded

#: so many pairs are told at most, those that occur together most often
MOST = 10
#: the two sets of images of a pair
SUBSETS = ("with_companion", "without_companion")


class BiasedPairs:
    """Counts the pixels of each pair's class, apart for images with and without the companion.

    The pairs come from the tags of the training list, so all lists, rounds and arms of a data set
    have the same. Which classes an image holds is asked of its ground truth.

    Args:
        manifest: of the data set.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._names = manifest.classes
        self._pairs = closest_companions(manifest)
        self._class_labels = np.array([pair.of_class + 1 for pair in self._pairs], np.int64)
        self._companion_labels = np.array([pair.index + 1 for pair in self._pairs], np.int64)
        # with and without; images, TP, FP, FN; a pair a column
        self._sums = np.zeros((2, 4, len(self._pairs)), np.int64)

    def add(self, matrix: np.ndarray) -> None:
        """Count one image.

        Args:
            matrix: int64 (n, n + 1) of
                :func:`~conta_core.evaluation.scores.confusion.confusion_matrix` of this image.
        """
        pixels = matrix.sum(axis=1)
        # an image holds few classes, so these are few
        for place in np.flatnonzero(pixels[self._class_labels]):
            label, companion = self._class_labels[place], self._companion_labels[place]
            right = matrix[label, label]
            wrong, missed = matrix[:, label].sum() - right, pixels[label] - right
            self._sums[0 if pixels[companion] else 1, :, place] += (1, right, wrong, missed)

    def result(self) -> list[dict[str, Any]]:
        """The pairs with at least :data:`~.cooccurrence.LEAST` images in both sets.

        Returns:
            At most :data:`MOST` of them, in the order of
            :func:`~.cooccurrence.closest_companions`: ``class``, ``companion``, ``share``, and of
            the images ``with_companion`` and ``without_companion`` their number, and IoU, FPR and
            FNR of the class in percent.
        """
        images = self._sums[:, 0]
        enough = np.flatnonzero((images >= LEAST).all(axis=0)).tolist()[:MOST]
        return [self._of(place) for place in enough]

    def _of(self, place: int) -> dict[str, Any]:
        pair = self._pairs[place]
        told: dict[str, Any] = {
            "class": self._names[pair.of_class],
            "companion": self._names[pair.index],
            "share": rounded(pair.share),
        }
        for name, (images, *parts) in zip(SUBSETS, self._sums[:, :, place], strict=True):
            counts = LabelCounts(*(part[None] for part in parts))
            rates = {"iou": counts.iou(), "fpr": counts.fpr(), "fnr": counts.fnr()}
            told[name] = {
                "images": int(images),
                **{key: rounded(value[0]) for key, value in rates.items()},
            }
        return told


def pair_gap(pair: Mapping[str, Any]) -> float | None:
    """IoU with the companion less IoU without it; None where one is missing.

    Args:
        pair: one of the ``pairs`` of a scores json.
    """
    there, alone = (pair[name]["iou"] for name in SUBSETS)
    return None if there is None or alone is None else there - alone


def mean_of_pairs(pairs: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """The mean over the pairs of a list.

    Args:
        pairs: the ``pairs`` of a scores json.

    Returns:
        ``with_companion`` and ``without_companion``: IoU in percent; ``gap``: the first less the
        second. None where there is no pair.
    """
    names = (*SUBSETS, "gap")
    told = [(pair, gap) for pair in pairs if (gap := pair_gap(pair)) is not None]
    if not told:
        return dict.fromkeys(names)
    rows = [[*(pair[name]["iou"] for name in SUBSETS), gap] for pair, gap in told]
    return dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True))
