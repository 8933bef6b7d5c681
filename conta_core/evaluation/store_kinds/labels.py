"""Kinds of store whose images are masks of labels, and folders of masks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from conta_core.evaluation.store_kinds.kind import (
    ImageKind,
    Rows,
    StoredImage,
    Totals,
    label_name,
    mean_absolute,
    rounded,
)
from conta_core.images.masks import IGNORE
from conta_core.networks.segmentation_output import predicted_labels
from conta_core.storage.stores.kinds import Array


class LabelKind(ImageKind):
    """A kind whose images are masks.

    Attributes:
        array: name of the mask.
        unit: what a value of the stored mask is, in words.
        sheet_title: title of the mask on a picture of its own.
    """

    array: str
    unit = "pixels"
    measures: tuple[str, ...] = ("pixels changed, %",)
    class_measure = "percent of all pixels"
    of_labels = True

    @property
    def sheet_title(self) -> str:
        """Title of the mask where it stands alone."""
        return self.caption

    def as_labels(self, image: StoredImage) -> np.ndarray:
        """The mask at the size of the image, uint8 (H, W).

        Raises:
            ValueError: an array that does not fit the image or the classes.
        """
        labels = image.read(self.array)
        if labels.shape != image.size or labels.dtype != np.uint8:
            raise ValueError(f"{self.array} is of {labels.shape}, {labels.dtype}")
        return labels

    def stored_labels(self, image: StoredImage) -> np.ndarray:
        """The labels, uint8, on the grid that the store has."""
        return image.read(self.array)

    def classes(self, image: StoredImage) -> list[str]:
        """The foreground classes that at least one pixel (or cell) has."""
        labels = self.stored_labels(image).reshape(-1)
        values = np.flatnonzero(np.bincount(labels, minlength=IGNORE + 1)[:IGNORE])
        return [label_name(image.classes, int(value)) for value in values if value]

    def class_rows(self, image: StoredImage) -> Rows:
        """The share of each label, the largest first."""
        labels = self.stored_labels(image)
        counts = np.bincount(labels.reshape(-1), minlength=1)
        values = sorted(np.flatnonzero(counts), key=lambda value: -counts[value])
        return [
            {
                "class": label_name(image.classes, int(value)),
                self.unit: int(counts[value]),
                "percent": rounded(100 * counts[value] / labels.size),
            }
            for value in values
        ]

    def difference(self, a: StoredImage, b: StoredImage) -> tuple[float, ...]:
        """The share of pixels with another label, in percent; 255 is a label."""
        changed = self.as_labels(a) != self.as_labels(b)
        return (100 * float(changed.mean()) if changed.size else 0.0,)

    def totals(self, image: StoredImage, classes: int) -> Totals:
        """Percent of pixels by label: background, the classes, ignored."""
        labels = self.as_labels(image)
        counts = np.bincount(labels.reshape(-1), minlength=IGNORE + 1).astype(np.float64)
        shares = np.append(counts[: classes + 1], counts[IGNORE])
        return 100 * shares, np.full(len(shares), float(labels.size))


class IrLabels(LabelKind):
    """What the IRN trains on."""

    name, array = "labels", "labels"
    title = caption = "IR labels"


class TrainMasks(LabelKind):
    """X_m of the training list."""

    name, array = "train_masks", "mask"
    title, caption = "predicted masks X_m of the training list", "X_m"


class Logits(LabelKind):
    """Logits of the validation list; their labels are the argmax."""

    name, array = "logits", "logits"
    title, caption = "logits of the validation list", "prediction"
    unit = "cells"
    measures = ("pixels changed, %", "logit difference")

    @property
    def sheet_title(self) -> str:
        """Says that the labels are made of logits."""
        return f"{self.caption}: argmax of the logits"

    def as_labels(self, image: StoredImage) -> np.ndarray:
        """Argmax of the enlarged logits, uint8 (H, W)."""
        logits = image.read(self.array)
        if logits.ndim != 3 or len(logits) != len(image.classes) + 1:
            raise ValueError(f"{self.array} is of {logits.shape}")
        return predicted_labels(logits, image.size)

    def stored_labels(self, image: StoredImage) -> np.ndarray:
        """Argmax on the grid of the logits."""
        return image.read(self.array).argmax(axis=0).astype(np.uint8)

    def difference(self, a: StoredImage, b: StoredImage) -> tuple[float, ...]:
        """The changed pixels, and the mean absolute difference of the logits."""
        return *super().difference(a, b), mean_absolute(a.read("logits"), b.read("logits"))


class PseudoMasks(LabelKind):
    """A folder of masks ``<image id>.png``; it behaves as a store of labels."""

    name, array = "pseudo_masks", "mask"
    title, caption = "label masks (PNG)", "pseudo-mask"

    @property
    def arrays(self) -> Mapping[str, Array]:
        """The mask of a file."""
        return {"mask": Array("uint8", "H x W: 0 background, i + 1 class i, 255 ignore")}
