"""A small data set of format ``folder``, to be damaged and changed by tests."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from conta_core.images.masks import write_label_png

SHAPE = (48, 64)


class Folder:
    """A data set of format ``folder``, with masks; three images for training, one to validate."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "images").mkdir(parents=True)
        (root / "masks").mkdir()
        rng = np.random.default_rng(0)
        self.rows = [
            {"image": f"images/{name}.jpg", "tags": tags, "split": split}
            for name, tags, split in (
                ("a", "cat", "train"),
                ("b", "cat;dog", "train"),
                ("c", "dog", "train"),
                ("d", "dog", "val"),
            )
        ]
        for name in "abcd":
            pixels = rng.integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "images" / f"{name}.jpg")
            labels = np.zeros(SHAPE, np.uint8)
            labels[:20], labels[20:30] = 1, 2
            write_label_png(root / "masks" / f"{name}.png", labels)
        self.write()

    def write(self) -> None:
        with open(self.root / "tags.csv", "w", newline="") as stream:
            writer = csv.DictWriter(stream, ["image", "tags", "split"])
            writer.writeheader()
            writer.writerows(self.rows)
