"""How far two images of a kind of store are apart, and what each says of the classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from conta_core.causal.conta.context_maps import sum_classes
from conta_core.data.masks import IGNORE
from conta_core.networks.segmentation_output import predicted_labels
from conta_core.refinement.pseudo_masks import upsample_refined

#: the arrays of one image, by name
Arrays = Mapping[str, np.ndarray]
Size = tuple[int, int]


@dataclass(frozen=True)
class Measure:
    """The measure of a kind of store.

    Attributes:
        columns: what the values are, in short; a difference is the mean absolute one, that of CAMs
            over the tags of either side (a map that is missing counts as 0).
        values: of two images of one size, as many as columns.
        class_measure: what is said of each class, in words.
        totals: of one image and the number of classes: a sum and a weight for each class (of
            masks for each label: background first, ignored last), float64; summed over images,
            sum over weight is the number of the class.
        of_labels: whether the totals are of labels.
    """

    columns: tuple[str, ...]
    values: Callable[[Arrays, Arrays, Size], tuple[float, ...]]
    class_measure: str
    totals: Callable[[Arrays, Size, int], tuple[np.ndarray, np.ndarray]]
    of_labels: bool = False


def changed_pixels(a: np.ndarray, b: np.ndarray) -> float:
    """The share of pixels with another label, in percent; 255 is a label.

    Raises:
        ValueError: masks of other shapes.
    """
    if a.shape != b.shape:
        raise ValueError(f"{' x '.join(map(str, a.shape))} and {' x '.join(map(str, b.shape))}")
    return 100 * float((a != b).mean()) if a.size else 0.0


def label_totals(labels: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Percent of pixels by label: background, the classes, ignored."""
    counts = np.bincount(labels.reshape(-1), minlength=IGNORE + 1).astype(np.float64)
    shares = np.append(counts[: classes + 1], counts[IGNORE])
    return 100 * shares, np.full(len(shares), float(labels.size))


def mask_measure(name: str) -> Measure:
    """Of an array that is a mask."""
    return Measure(
        ("pixels changed, %",),
        lambda a, b, _: (changed_pixels(a[name], b[name]),),
        "percent of all pixels",
        lambda arrays, _, classes: label_totals(arrays[name], classes),
        of_labels=True,
    )


def _logit_values(a: Arrays, b: Arrays, size: Size) -> tuple[float, ...]:
    one, two = a["logits"], b["logits"]
    labels = changed_pixels(predicted_labels(one, size), predicted_labels(two, size))
    return labels, _mean_absolute(one, two)


def _cam_values(a: Arrays, b: Arrays, _: Size) -> tuple[float, ...]:
    return _map_difference(a["keys"], a["high_res"], b["keys"], b["high_res"]), _mean_absolute(
        a["probability"], b["probability"]
    )


def _refined_values(a: Arrays, b: Arrays, size: Size) -> tuple[float, ...]:
    one, two = (upsample_refined(arrays["refined"], size) for arrays in (a, b))
    return (_map_difference(a["keys"], one, b["keys"], two),)


def _context_values(a: Arrays, b: Arrays, _: Size) -> tuple[float, ...]:
    one, two = (sum_classes(arrays["mask"].astype(np.float64)) for arrays in (a, b))
    both = (float(np.abs(one).mean()) + float(np.abs(two).mean())) / 2
    moved = 50 * float(np.abs(a["alpha"].astype(np.float64) - b["alpha"]).sum())
    return moved, 100 * _mean_absolute(one, two) / both if both else 0.0


def _drop_difference(a: Arrays, b: Arrays) -> float:
    """Mean absolute difference of the drops of two images of the same tags.

    Raises:
        ValueError: of other tags.
    """
    if not np.array_equal(a["keys"], b["keys"]):
        raise ValueError(f"objects of the tags {a['keys'].tolist()} and {b['keys'].tolist()}")
    return _mean_absolute(a["drop"], b["drop"])


def _own_drop_totals(arrays: Arrays, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the own drops of each class, and of how many objects: a row of 0 was not asked."""
    asked = arrays["drop"].any(axis=1)
    return _map_totals(arrays["keys"][asked], np.diagonal(arrays["drop"])[asked], classes)


def _map_difference(
    keys_a: np.ndarray, maps_a: np.ndarray, keys_b: np.ndarray, maps_b: np.ndarray
) -> float:
    """Mean absolute difference over the tags of either side; a map that is missing counts as 0."""
    if maps_a.shape[1:] != maps_b.shape[1:]:
        raise ValueError(f"maps of {maps_a.shape[1:]} and {maps_b.shape[1:]}")
    one = {int(key): values for key, values in zip(keys_a, maps_a, strict=True)}
    two = {int(key): values for key, values in zip(keys_b, maps_b, strict=True)}
    zero = np.zeros(maps_a.shape[1:], np.float32)
    keys = sorted({*one, *two})
    apart = [_mean_absolute(one.get(key, zero), two.get(key, zero)) for key in keys]
    return sum(apart) / len(apart) if apart else 0.0


def _mean_absolute(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape:
        raise ValueError(f"arrays of {a.shape} and {b.shape}")
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).mean()) if a.size else 0.0


def _map_totals(keys: np.ndarray, maps: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the maps of each class, over the images with the tag."""
    sums, weights = np.zeros(classes), np.zeros(classes)
    for key, values in zip(keys, maps, strict=True):
        sums[key] += values.mean(dtype=np.float64)
        weights[key] += 1
    return sums, weights


MEASURES = {
    "cams": Measure(
        ("CAM difference", "P(class) difference"),
        _cam_values,
        "mean CAM of the images with the tag",
        lambda arrays, _, n: _map_totals(arrays["keys"], arrays["high_res"], n),
    ),
    "labels": mask_measure("labels"),
    "refined": Measure(
        ("refined CAM difference",),
        _refined_values,
        "mean refined CAM over its maximum, of the images with the tag",
        lambda arrays, size, n: _map_totals(
            arrays["keys"], upsample_refined(arrays["refined"], size), n
        ),
    ),
    "train_masks": mask_measure("mask"),
    "logits": Measure(
        ("pixels changed, %", "logit difference"),
        _logit_values,
        "percent of all pixels",
        lambda arrays, size, n: label_totals(predicted_labels(arrays["logits"], size), n),
        of_labels=True,
    ),
    "objects": Measure(
        ("score drop difference",),
        lambda a, b, _: (_drop_difference(a, b),),
        "mean score drop by the class's own object, where it was asked for",
        lambda arrays, _, n: _own_drop_totals(arrays, n),
    ),
    "context": Measure(
        ("attention moved, %", "M difference, % of its mean"),
        _context_values,
        "mean alpha",
        # of the classes: a background before them has no place among them
        lambda arrays, _, n: (arrays["alpha"][-n:].astype(np.float64), np.ones(n)),
    ),
}


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays have the same type, shape and values."""
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def rank(values: Sequence[float]) -> tuple[float, ...]:
    """To sort by: what cannot be compared first, then the largest values."""
    return tuple(-math.inf if math.isnan(value) else -value for value in values)
