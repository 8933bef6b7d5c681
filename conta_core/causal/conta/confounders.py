"""The confounder set: class-specific average masks and their prior (CONTA, section 3.3, step 3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from conta_core.causal.conta.resize_mask import resize_mask


@dataclass(frozen=True)
class ConfounderSet:
    """The confounder set C.

    Attributes:
        masks: c_i, float32 (n, h, w), 0..1: how often class i covers a place, over the
            images that hold class i; of n + 1 the first is the background, over all images.
        prior: P(c_i), float32 (n,), sums to 1.
        count: images of each entry, int64 (n,).
    """

    masks: np.ndarray
    prior: np.ndarray
    count: np.ndarray


def build_confounder_set(
    images: Iterable[tuple[np.ndarray, np.ndarray]],
    class_count: int,
    size: tuple[int, int],
    prior: str,
    background: bool = False,
) -> ConfounderSet:
    """Average the masks of each class over the images of that class, one image at a time.

    Args:
        images: of each image its label mask, uint8 (H, W) with i + 1 for class i, and its
            tags, class indices (k,).
        class_count: n.
        size: height and width of the average masks.
        prior: ``uniform`` (1/n, the paper's) or ``empirical`` (share of the images' entries).
        background: whether it is an entry too, before the classes: the paper's n are classes.
    """
    # the label of the first entry: 0 is the background's
    first = 0 if background else 1
    entries = class_count + 1 - first
    total = np.zeros((entries, *size), dtype=np.float64)
    count = np.zeros(entries, dtype=np.int64)
    for mask, tags in images:
        for label in [*([0] if background else []), *(int(index) + 1 for index in tags)]:
            total[label - first] += _share_of_cells(mask, label, size)
            count[label - first] += 1
    masks = total / np.maximum(count, 1)[:, None, None]
    if prior == "empirical" and count.sum():
        probabilities = count / count.sum()
    else:
        probabilities = np.full(entries, 1 / entries)
    return ConfounderSet(masks.astype(np.float32), probabilities.astype(np.float32), count)


def _share_of_cells(mask: np.ndarray, value: int, size: tuple[int, int]) -> np.ndarray:
    """The share of each of (h, w) cells that has a value: ``resize_mask(mask == value)``.

    Where the mask shrinks, only the value's bounding box is averaged, which is most of the work
    that a photograph's objects save.
    """
    present = (mask == value).view(np.uint8)
    if mask.shape[0] < size[0] or mask.shape[1] < size[1]:
        return resize_mask(present.astype(np.float32), size)
    left, top, width, height = cv2.boundingRect(present)
    rows = slice(top, top + height)
    columns = slice(left, left + width)
    across = (
        present[rows, columns].astype(np.float32) @ _area_weights(mask.shape[1], size[1])[columns]
    )
    return _area_weights(mask.shape[0], size[0])[rows].T @ across


@lru_cache(maxsize=512)
def _area_weights(pixels: int, cells: int) -> np.ndarray:
    """What share of each cell each pixel of a line fills: float32 (pixels, cells)."""
    edges = np.arange(cells + 1) * (pixels / cells)
    pixel = np.arange(pixels)[:, None]
    overlap = np.minimum(edges[1:], pixel + 1) - np.maximum(edges[:-1], pixel)
    return (overlap.clip(min=0) * (cells / pixels)).astype(np.float32)
