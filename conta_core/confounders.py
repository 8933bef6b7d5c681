"""The confounder set: class-specific average masks and their prior (CONTA, section 3.3, step 3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class ConfounderSet:
    """The confounder set C.

    Attributes:
        masks: c_i, float32 (n, h, w), 0..1: how often class i covers a place, over the
            images that hold class i.
        prior: P(c_i), float32 (n,), sums to 1.
        count: images of each class, int64 (n,).
    """

    masks: np.ndarray
    prior: np.ndarray
    count: np.ndarray


def build_confounder_set(
    images: Iterable[tuple[np.ndarray, np.ndarray]],
    class_count: int,
    size: tuple[int, int],
    prior: str,
) -> ConfounderSet:
    """Average the masks of each class over the images of that class, one image at a time.

    Args:
        images: of each image its label mask, uint8 (H, W) with i + 1 for class i, and its
            tags, class indices (k,).
        class_count: n.
        size: height and width of the average masks.
        prior: ``uniform`` (1/n, the paper's) or ``empirical`` (share of the tags).
    """
    total = np.zeros((class_count, *size), dtype=np.float64)
    count = np.zeros(class_count, dtype=np.int64)
    for mask, tags in images:
        for index in tags:
            present = (mask == index + 1).astype(np.float32)
            total[index] += resize_mask(present, size)
            count[index] += 1
    masks = total / np.maximum(count, 1)[:, None, None]
    if prior == "empirical" and count.sum():
        probabilities = count / count.sum()
    else:
        probabilities = np.full(class_count, 1 / class_count)
    return ConfounderSet(masks.astype(np.float32), probabilities.astype(np.float32), count)


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A float32 map (H, W) averaged down (or enlarged) to (h, w)."""
    shrinks = mask.shape[0] >= size[0] and mask.shape[1] >= size[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(mask, (size[1], size[0]), interpolation=interpolation)
