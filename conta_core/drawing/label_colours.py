"""Label masks as colours, and what the colours mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conta_core.data.masks import IGNORE, voc_palette

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
    colours = colour_labels(labels).astype(np.float32)
    mixed = (1 - alpha) * image.astype(np.float32) + alpha * colours
    return np.where((labels > 0)[..., None], np.rint(mixed).astype(np.uint8), image)


def label_name(value: int, names: Sequence[str]) -> str:
    """What a pixel value means: ``names`` by pixel value, 255 is ignored."""
    if value == IGNORE:
        return "ignored"
    return names[value] if value < len(names) else f"value {value}"


def label_areas(labels: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """Percent of a mask by name, the largest first, the background left out."""
    values, counts = np.unique(labels, return_counts=True)
    order = sorted(range(len(values)), key=lambda i: (-counts[i], values[i]))
    return {
        label_name(int(values[i]), names): 100 * float(counts[i]) / labels.size
        for i in order
        if values[i]
    }


def label_entries(names: Sequence[str]) -> list[LegendEntry]:
    """An entry for every class of ``names`` by pixel value, and for ignored pixels."""
    return [_entry(value, names) for value in (*range(len(names)), IGNORE)]


def label_legend(masks: Sequence[np.ndarray], names: Sequence[str]) -> list[LegendEntry]:
    """An entry for each value in any of some masks, and for the background, in their order."""
    present = sorted({0, *(int(value) for mask in masks for value in np.unique(mask))})
    return [_entry(value, names) for value in present]


def _entry(value: int, names: Sequence[str]) -> LegendEntry:
    red, green, blue = voc_palette()[value].tolist()
    return LegendEntry((red, green, blue), label_name(value, names))
