"""Three images of two classes: a white square of class 0, a grey bar of class 1, on colours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.images.masks import read_label_png, write_label_png

SIZE = (64, 96)
#: image id -> background colour
COLOURS = {"red": (200, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 200)}
#: image id -> class index -> rows and columns
OBJECTS: dict[str, dict[int, tuple[slice, slice]]] = {
    "red": {0: (slice(10, 30), slice(10, 30))},
    "green": {1: (slice(40, 50), slice(20, 60))},
    "blue": {0: (slice(20, 40), slice(50, 70)), 1: (slice(50, 60), slice(5, 45))},
}
GREY = {0: 255, 1: 128}


def paint(folder: Path) -> Manifest:
    """Write every image and its true mask; the manifest."""
    records = {}
    for image_id, colour in COLOURS.items():
        image = np.full((*SIZE, 3), colour, np.uint8)
        mask = np.zeros(SIZE, np.uint8)
        for index, place in OBJECTS[image_id].items():
            image[place] = GREY[index]
            mask[place] = index + 1
        Image.fromarray(image).save(folder / f"{image_id}-photo.png")
        write_label_png(folder / f"{image_id}.png", mask)
        tags = tuple(("square", "bar")[index] for index in OBJECTS[image_id])
        path = str(folder / f"{image_id}-photo.png")
        records[image_id] = ImageRecord(image_id, path, *SIZE, tags=tags)
    lists = {"train": tuple(COLOURS), "val": ()}
    names = {"train": "t", "val": "v"}
    return Manifest("set", ("square", "bar"), lists, names, records)


def masks_of(
    folder: Path, changed: dict[str, np.ndarray] | None = None
) -> Callable[[str], np.ndarray]:
    """A reader of masks; some of them may be others than those of the folder."""
    instead = changed or {}

    def read(image_id: str) -> np.ndarray:
        return (
            instead[image_id]
            if image_id in instead
            else read_label_png(mask_path(folder, image_id))
        )

    return read


def mask_path(folder: Path, image_id: str) -> Path:
    return folder / f"{image_id}.png"
