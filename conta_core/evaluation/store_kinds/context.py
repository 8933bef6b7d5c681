"""The context M for the next round."""

from __future__ import annotations

import numpy as np

from conta_core.causal.conta.confounder_names import confounder_names
from conta_core.causal.conta.context_maps import sum_classes
from conta_core.evaluation.store_kinds.kind import (
    ImageKind,
    Rows,
    StoredImage,
    Totals,
    mean_absolute,
    rounded,
)


class Context(ImageKind):
    """M of each image, or its summands by class, and the alphas."""

    name = "context"
    title, caption = "the context M for the next round", "M"
    tells_classes = False
    measures = ("attention moved, %", "M difference, % of its mean")
    class_measure = "mean alpha"

    def as_map(self, image: StoredImage) -> np.ndarray:
        """M on its grid, float32 (h, w)."""
        return sum_classes(image.read("mask").astype(np.float32))

    def alphas(self, image: StoredImage) -> dict[str, float]:
        """The alpha of each entry of the confounder set, in their order.

        Raises:
            ValueError: they are not those of the classes.
        """
        alpha = image.read("alpha")
        names = confounder_names(image.classes, len(alpha))
        return dict(zip(names, alpha.tolist(), strict=True))

    def classes(self, image: StoredImage) -> None:
        """It does not say which classes an image has."""

    def class_rows(self, image: StoredImage) -> Rows:
        """The alphas, the largest first."""
        alphas = self.alphas(image)
        order = sorted(alphas, key=lambda name: -alphas[name])
        return [{"class": name, "alpha": rounded(alphas[name])} for name in order]

    def difference(self, a: StoredImage, b: StoredImage) -> tuple[float, ...]:
        """How much of the attention is elsewhere, and the difference of M over its mean."""
        one, two = (sum_classes(side.read("mask").astype(np.float64)) for side in (a, b))
        both = (float(np.abs(one).mean()) + float(np.abs(two).mean())) / 2
        alphas = a.read("alpha").astype(np.float64), b.read("alpha")
        moved = 50 * float(np.abs(alphas[0] - alphas[1]).sum())
        return moved, 100 * mean_absolute(one, two) / both if both else 0.0

    def totals(self, image: StoredImage, classes: int) -> Totals:
        """The alphas of the classes: a background before them has no place among them."""
        return image.read("alpha")[-classes:].astype(np.float64), np.ones(classes)
