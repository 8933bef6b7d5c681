"""A folder of label masks ``<id>.png``, each of its photograph's own size."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png, write_label_png


def write_mask(folder: str | os.PathLike[str], record: ImageRecord, labels: np.ndarray) -> None:
    """Write the labels of an image, uint8 (H, W), at its own size."""
    write_label_png(Path(folder, f"{record.id}.png"), record.at_own_size(labels))


def mask_reader(folder: str | os.PathLike[str], manifest: Manifest) -> Callable[[str], np.ndarray]:
    """A reader of masks: image id -> labels, uint8 (H, W), at the size of the stages."""
    return lambda image_id: read_mask(folder, manifest.images[image_id])


def read_mask(folder: str | os.PathLike[str], record: ImageRecord) -> np.ndarray:
    """The labels of an image, uint8 (H, W), at the size of the stages.

    A mask of another size than its image is given back as it is, for the caller to refuse.

    Raises:
        ContaError: the mask is missing or unreadable.
    """
    return record.at_working_size(read_label_png(Path(folder, f"{record.id}.png")))


def require_masks(folder: str | os.PathLike[str], image_ids: Sequence[str]) -> None:
    """Raise ContaError unless the folder holds ``<id>.png`` for every id."""
    try:
        there = frozenset(os.listdir(folder))  # one look, not one a mask
    except OSError:
        there = frozenset()
    missing = [i for i in image_ids if f"{i}.png" not in there]
    if missing:
        raise ContaError(
            f"{folder}: lacks the masks of {len(missing)} images, among them {missing[:5]}; "
            "delete the folder and make it again"
        )
