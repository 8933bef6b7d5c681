"""What a label mask of another program must be, to fit its image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conta_core.images.masks import IGNORE
from conta_core.storage.foreign.limits import RefusedError


def require_labels(
    labels: np.ndarray, size: tuple[int, int], keys: np.ndarray, classes: Sequence[str]
) -> None:
    """Raise RefusedError unless a pseudo-mask has the image's size and its tags alone.

    Args:
        labels: uint8 (H, W): 0 background, i + 1 class i, 255 ignored.
        size: of the image, height and width in pixels.
        keys: class indices of its tags, int (k,).
        classes: foreground class names.
    """
    if labels.shape != size:
        raise RefusedError(f"it is {written(labels.shape)}, expected {written(size)}, the image's")
    found = [value - 1 for value in np.unique(labels).tolist() if value not in (0, IGNORE)]
    outside = [index + 1 for index in found if index >= len(classes)]
    if outside:
        raise RefusedError(
            f"it has the value {outside[0]}, expected 0 for the background, 1 to {len(classes)} "
            f"for the classes and {IGNORE} for what is ignored",
            "give it the class indices of dataset.classes",
        )
    others = sorted({*found} - {*keys.tolist()})
    if others:
        raise RefusedError(
            f"it shows {class_words(others, classes)}, but the image's tags are "
            f"{class_words(keys.tolist(), classes)}",
            f"correct the tags, or set the other classes to {IGNORE}",
        )


def written(size: tuple[int, ...]) -> str:
    """A size in words."""
    return " x ".join(map(str, size))


def class_words(indices: Sequence[int], classes: Sequence[str]) -> str:
    """Names of classes by their indices."""
    return ", ".join(classes[index] for index in indices) or "none"
