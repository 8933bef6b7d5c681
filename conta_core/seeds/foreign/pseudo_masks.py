"""Pseudo-masks that another program made."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png, write_label_png
from conta_core.runtime.parallel import map_in_order
from conta_core.seeds.foreign.labels import require_labels
from conta_core.storage.foreign.limits import RefusedError


def copy_pseudo_masks(
    source: str | os.PathLike[str],
    folder: Path,
    data: Manifest,
    ids: Sequence[str],
    workers: int,
) -> Iterator[None]:
    """Check the pseudo-masks of images and write them as palette PNGs, one after the other.

    Args:
        source: folder with ``<id>.png``, palette or grey: 0 background, i + 1 class i, 255 ignored.
        folder: that they are written to.
        data: the manifest.
        ids: of the images.
        workers: processes.

    Raises:
        ContaError: a mask is missing, of another size than its image, or shows a class that is not
            among its image's tags.
    """
    require_all(Path(source), [data.images[i] for i in ids])
    tasks = (
        _Task(Path(source), folder, data.images[i], data.tag_indices(i), data.classes) for i in ids
    )
    return map_in_order(_copy, tasks, workers)


@dataclass(frozen=True)
class _Task:
    source: Path
    folder: Path
    record: ImageRecord
    keys: np.ndarray
    classes: tuple[str, ...]


def _copy(task: _Task) -> None:
    name = f"{task.record.id}.png"
    labels = read_label_png(task.source / name)
    require_mask(task.source / name, labels, task.record, task.keys, task.classes)
    write_label_png(task.folder / name, labels)


def require_mask(
    path: Path, labels: np.ndarray, record: ImageRecord, keys: np.ndarray, classes: Sequence[str]
) -> None:
    """Raise ContaError unless a mask has its image's size and shows its tags alone.

    Args:
        path: of its file, for the message.
        labels: uint8 (H, W).
        record: of the image.
        keys: class indices of its tags, int (k,).
        classes: foreground class names.
    """
    try:
        require_labels(labels, record.own_size, keys, classes)
    except RefusedError as error:
        mend = error.mend or "write the file again"
        raise ContaError(f"{path}: {error}; {mend}") from None


def require_all(source: Path, records: Sequence[ImageRecord]) -> None:
    """Raise ContaError unless a folder has the mask of every image."""
    try:
        there = frozenset(os.listdir(source))
    except OSError as error:
        raise ContaError(
            f"pseudo_masks.imported: {source}: no folder that can be read ({error.strerror}); name "
            "a folder with a mask for each training image"
        ) from None
    missing = [one.id for one in records if f"{one.id}.png" not in there]
    if missing:
        raise ContaError(
            f"{source}: lacks the masks of {len(missing)} of {len(records)} training images, among "
            f"them {missing[:5]}; expected <image id>.png for each; make them, or name another "
            "folder in pseudo_masks.imported"
        )
