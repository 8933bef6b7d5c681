"""CAM labels at many thresholds at once, and which threshold is the best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conta_core.evaluation.scores.confusion import mean_iou
from conta_core.images.masks import IGNORE

#: thresholds that the sweeps try
THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 19))
#: IRNet's CAM threshold, used where no ground truth can choose one
DEFAULT_THRESHOLD = 0.15


class ThresholdSweep:
    """Confusion matrices of CAM labels at many thresholds, from one pass over the images.

    The label at threshold t is the class of the strongest map where its value is above t,
    else background (argmax of [t, maps]).

    Args:
        classes: n, background included.
        thresholds: ascending, 0..1.
    """

    def __init__(self, classes: int, thresholds: Sequence[float] = THRESHOLDS) -> None:
        if list(thresholds) != sorted(set(thresholds)) or not thresholds:
            raise ValueError(f"thresholds {list(thresholds)} are not ascending")
        self.classes = classes
        self.thresholds = tuple(thresholds)
        #: pixels by true label, class of the strongest map, and number of thresholds below it
        self.histogram = np.zeros((classes, classes - 1, len(thresholds) + 1), dtype=np.int64)

    def update(
        self, truth: np.ndarray, strongest: np.ndarray, strongest_class: np.ndarray
    ) -> ThresholdSweep:
        """Count one image; returns the sweep itself.

        Args:
            truth: uint8 (H, W), 0..n-1, or 255 for pixels that do not count.
            strongest: float (H, W), value of the strongest map, 0..1.
            strongest_class: uint8 (H, W), its class index, 0..n-2.
        """
        if not truth.shape == strongest.shape == strongest_class.shape:
            raise ValueError(
                f"maps of {strongest.shape} and {strongest_class.shape} for a truth of "
                f"{truth.shape}"
            )
        counted = truth != IGNORE
        rows = truth[counted].astype(np.int64)
        columns = strongest_class[counted].astype(np.int64)
        if _largest(rows) >= self.classes or _largest(columns) >= self.classes - 1:
            raise ValueError(f"a label or class outside the {self.classes} labels")
        # in float32, as the maps are: a value equal to a threshold is background
        bins = np.searchsorted(
            np.array(self.thresholds, dtype=np.float32), strongest[counted].astype(np.float32)
        )
        _, wide, deep = self.histogram.shape
        counts = np.bincount((rows * wide + columns) * deep + bins, minlength=self.histogram.size)
        self.histogram += counts.reshape(self.histogram.shape)
        return self

    def add(self, other: ThresholdSweep) -> None:
        """Add the counts of another sweep over the same thresholds."""
        self.histogram += other.histogram

    def matrices(self) -> np.ndarray:
        """The confusion matrix at every threshold: int64 (thresholds, n, n + 1)."""
        # above[..., j]: pixels whose value is above threshold j
        above = self.histogram[..., ::-1].cumsum(axis=2)[..., ::-1][..., 1:]
        result = np.zeros((len(self.thresholds), self.classes, self.classes + 1), dtype=np.int64)
        result[:, :, 1 : self.classes] = np.moveaxis(above, 2, 0)
        result[:, :, 0] = self.histogram.sum(axis=(1, 2)) - result.sum(axis=2)
        return result

    def matrix(self, threshold: float) -> np.ndarray:
        """The confusion matrix at one of the thresholds: int64 (n, n + 1)."""
        result: np.ndarray = self.matrices()[self.thresholds.index(threshold)]
        return result

    def curve(self) -> dict[float, float]:
        """Threshold -> mIoU in percent."""
        return {t: mean_iou(m) for t, m in zip(self.thresholds, self.matrices(), strict=True)}

    def best(self) -> float:
        """The threshold of the highest mIoU; the lowest of equals."""
        curve = self.curve()
        return max(curve, key=lambda threshold: curve[threshold])


def _largest(values: np.ndarray) -> int:
    return int(values.max(initial=0))
