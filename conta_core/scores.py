"""Scores: confusion matrices, IoU, and the json files that hold them.

Everything streams: a matrix or a histogram is added up image by image. "n" below counts
the labels of a mask, background included; 255 in the truth is left out of every count.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from conta_core.atomic import replace_when_done
from conta_core.errors import ContaError
from conta_core.json_files import read_json, require_layout
from conta_core.manifest import Manifest
from conta_core.masks import IGNORE
from conta_core.score_layout import SCORES

FORMAT = "conta-scores"
FORMAT_VERSION = 1
#: thresholds that the sweeps try
THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 19))
#: IRNet's CAM threshold, used where no ground truth can choose one
DEFAULT_THRESHOLD = 0.15


def confusion_matrix(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Count pixels by true and predicted label.

    Args:
        truth: uint8 (H, W), 0..n-1, or 255 for pixels that do not count.
        prediction: uint8 (H, W), 0..n-1, or 255 for "no answer", which is wrong.
        classes: n, background included.

    Returns:
        int64 (n, n + 1): a row a true label, a column a predicted one; the last column
        counts the predictions of 255. Matrices of several images may be added.

    Raises:
        ValueError: shapes that differ, or a label outside the range.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"a prediction of {prediction.shape} for a truth of {truth.shape}")
    # labels keep their value over long runs: counting these is many times as fast as pixels
    first, second = truth.ravel(), prediction.ravel()
    changes = first[1:] != first[:-1]
    changes |= second[1:] != second[:-1]
    ends = np.append(np.flatnonzero(changes), first.size - 1)[: first.size]
    lengths = np.diff(ends, prepend=-1)
    # two places behind the labels: in rows for bad labels and 255, in columns the other way
    side = classes + 2
    rows, columns = _places(classes, bad=classes), _places(classes, bad=classes + 1)
    places = rows.take(first.take(ends)) * side + columns.take(second.take(ends))
    counts = np.bincount(places, lengths, side * side).astype(np.int64).reshape(side, side)
    if counts[classes].any() or counts[:classes, classes + 1].any():
        raise ValueError(f"a label of {classes} or more; expected 0..{classes - 1} or 255")
    return counts[:classes, : classes + 1]


@lru_cache
def _places(classes: int, bad: int) -> np.ndarray:
    """Pixel value -> its row or column: a label its own, the rest the two behind: int64 (256,)."""
    ignored = 2 * classes + 1 - bad
    return np.array([*range(classes), *[bad] * (IGNORE - classes), ignored], dtype=np.int64)


def intersection_over_union(matrix: np.ndarray) -> np.ndarray:
    """IoU of each label in percent: float64 (n,), NaN where it is in neither truth nor prediction.

    Args:
        matrix: int64 (n, n + 1) of :func:`confusion_matrix`.
    """
    classes = len(matrix)
    common = np.diagonal(matrix).astype(np.float64)
    union = matrix.sum(axis=1) + matrix[:, :classes].sum(axis=0) - common
    return 100.0 * np.divide(common, union, out=np.full(classes, np.nan), where=union > 0)


def mean_iou(matrix: np.ndarray) -> float:
    """Mean IoU in percent over the labels in truth or prediction, background included.

    Args:
        matrix: int64 (n, n + 1) of :func:`confusion_matrix`.

    Returns:
        0..100, or NaN where no pixel was counted.
    """
    iou = intersection_over_union(matrix)
    occurring = iou[~np.isnan(iou)]
    return float(occurring.mean()) if occurring.size else math.nan


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


def ids_with_masks(manifest: Manifest, list_name: str) -> list[str]:
    """Images of a list ("train", "val") that have ground truth, in order."""
    return [i for i in manifest.ids(list_name) if manifest.images[i].mask]


def score_entry(
    matrix: np.ndarray,
    *,
    manifest: Manifest,
    list_name: str,
    images: int,
    threshold: Mapping[str, Any] | None = None,
    curve: Mapping[float, float] | None = None,
) -> dict[str, Any]:
    """What a scores json says of one list.

    Args:
        matrix: int64 (n, n + 1) of :func:`confusion_matrix`, over the whole list.
        manifest: gives class names, the list's own name and the ground truth's.
        list_name: "train" or "val".
        images: how many images were counted; with 0 the numbers are null and ``why`` says so.
        threshold: ``value`` and how it was ``chosen``, or None where there is none.
        curve: threshold -> mIoU, where a sweep was made.

    Returns:
        plain values for json; mIoU, IoU and accuracy in percent, 4 decimals, null where
        they are not defined.
    """
    total = int(matrix.sum())
    iou = intersection_over_union(matrix)
    entry: dict[str, Any] = {
        "list": manifest.list_names[list_name],
        "ground_truth": manifest.ground_truth,
        "images": images,
        "miou": rounded(mean_iou(matrix)),
        "accuracy": rounded(100.0 * float(np.trace(matrix)) / total) if total else None,
        "threshold": dict(threshold) if threshold else None,
        "iou": {
            name: rounded(value) for name, value in zip(manifest.class_names, iou, strict=True)
        },
    }
    if curve is not None:
        entry["curve"] = {f"{t:.2f}": rounded(value) for t, value in curve.items()}
    if not images:
        what = "has no ground-truth masks" if manifest.lists[list_name] else "is empty"
        entry["why"] = f"the list {manifest.list_names[list_name]!r} {what}"
    return entry


def rounded(value: float | None) -> float | None:
    """Four decimals for a json file; None for None and NaN."""
    return None if value is None or math.isnan(value) else round(float(value), 4)


def write_scores(
    path: str | os.PathLike[str],
    *,
    run: str,
    round_index: int,
    stage: str,
    lists: Mapping[str, Mapping[str, Any]],
    confounding: Mapping[str, Any] | None = None,
) -> None:
    """Write a scores json, whole or not at all.

    Args:
        path: of the file.
        run: name of the run.
        round_index: the round.
        stage: cam, refined, pseudo_masks, segmentation or segmentation_crf.
        lists: "train" and "val" -> an entry of :func:`score_entry`.
        confounding: diagnostics by list, left out where there are none.
    """
    content: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "run": run,
        "round": round_index,
        "stage": stage,
        "lists": lists,
    }
    if confounding:
        content["confounding"] = confounding
    with replace_when_done(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_scores(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a scores json.

    Raises:
        ContaError: missing, unreadable, or of another format or version.
    """
    try:
        content = read_json(path)
        if (content["format"], content["format_version"]) != (FORMAT, FORMAT_VERSION):
            raise ValueError(f"expected {FORMAT} version {FORMAT_VERSION}")
        require_layout(content, SCORES)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContaError(
            f"{path}: not a scores file ({error}); delete it and let the workflow make it again"
        ) from None
    return dict(content)


def _largest(values: np.ndarray) -> int:
    return int(values.max(initial=0))
