"""Label masks as colours, and what the colours mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from conta_core.images.masks import IGNORE, voc_palette

#: how much of a mask shows over its image
LABEL_ALPHA = 0.5


@dataclass(frozen=True)
class LegendEntry:
    """A colour and what it means.

    Attributes:
        colour: RGB, 0..255.
        text: its meaning.
    """

    colour: tuple[int, int, int]
    text: str


def label_colour(value: int) -> tuple[int, int, int]:
    """RGB of a pixel value in the VOC palette."""
    red, green, blue = voc_palette()[value].tolist()
    return red, green, blue


def colour_labels(labels: np.ndarray) -> np.ndarray:
    """Labels, uint8 (H, W), in the VOC palette, uint8 RGB (H, W, 3)."""
    return voc_palette()[labels]


def labels_over(image: np.ndarray, labels: np.ndarray, alpha: float = LABEL_ALPHA) -> np.ndarray:
    """A mask laid over its image; the image stays as it is where the mask says background.

    Args:
        image: uint8 RGB (H, W, 3).
        labels: uint8 (H, W), 0 background, 255 ignored.
        alpha: of the mask, 0..1.

    Returns:
        uint8 RGB (H, W, 3).
    """
    mixed = cv2.addWeighted(image, 1 - alpha, colour_labels(labels), alpha, 0)
    return np.where(labels[..., None] > 0, mixed, image)


def outlined(picture: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A picture, uint8 RGB (H, W, 3), with a white line around each object of its mask (H, W)."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    edges = cv2.erode(labels, cross) != labels
    return np.where(edges[..., None], np.uint8(255), picture)


def label_name(value: int, names: Sequence[str]) -> str:
    """What a pixel value means: ``names`` by pixel value, 255 is ignored."""
    if value == IGNORE:
        return "ignored"
    return names[value] if value < len(names) else f"value {value}"


def label_shares(labels: np.ndarray) -> dict[int, float]:
    """Pixel value -> its share of a mask, 0..1; the largest first, the background left out."""
    counts = np.bincount(labels.ravel(), minlength=256).tolist()
    present = sorted((v for v in range(1, 256) if counts[v]), key=lambda v: -counts[v])
    return {value: counts[value] / labels.size for value in present}


def label_areas(labels: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """Percent of a mask by name, the largest first, the background left out."""
    return {label_name(v, names): 100 * share for v, share in label_shares(labels).items()}


def share_entries(labels: np.ndarray, names: Sequence[str]) -> list[LegendEntry]:
    """The classes of a mask, each with its share, the largest first."""
    entries = [
        LegendEntry(label_colour(value), f"{label_name(value, names)} {_percent(share)}")
        for value, share in label_shares(labels).items()
    ]
    return entries or [LegendEntry((255, 255, 255), "background only")]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "under 1 %"


def label_entries(names: Sequence[str]) -> list[LegendEntry]:
    """An entry for every class of ``names`` by pixel value, and for ignored pixels."""
    return [_entry(value, names) for value in (*range(len(names)), IGNORE)]


def label_legend(masks: Sequence[np.ndarray], names: Sequence[str]) -> list[LegendEntry]:
    """An entry for each value in any of some masks, and for the background, in their order."""
    present = sorted({0, *(int(value) for mask in masks for value in np.unique(mask))})
    return [_entry(value, names) for value in present]


def _entry(value: int, names: Sequence[str]) -> LegendEntry:
    return LegendEntry(label_colour(value), label_name(value, names))
