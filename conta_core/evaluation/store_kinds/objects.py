"""What each object of the pseudo-masks is worth to the classifier's scores."""

from __future__ import annotations

import numpy as np

from conta_core.causal.intervention.ownership import taken_by_companions
from conta_core.evaluation.store_kinds.kind import (
    Rows,
    StoredImage,
    TaggedKind,
    Totals,
    mean_absolute,
    rounded,
    totals_by_key,
)


class Objects(TaggedKind):
    """Numbers of objects: an image has nothing to draw."""

    name = "objects"
    title = "what each object of the pseudo-masks is worth to the scores"
    caption = "numbers of objects"
    measures = ("score drop difference",)
    class_measure = "mean score drop by the class's own object, where it was asked for"

    def class_rows(self, image: StoredImage) -> Rows:
        """By how much each tag's logit falls without an object, and whether it is another tag's."""
        tags, drop = self.classes(image), image.read("drop")
        columns = [f"{tag} falls by" for tag in tags]
        taken = taken_by_companions(drop)
        return [
            {
                "without the object of": tag,
                **dict(zip(columns, map(rounded, drops), strict=True)),
                "another tag's": "yes" if another else "no",
            }
            for tag, drops, another in zip(tags, drop, taken, strict=True)
        ]

    def difference(self, a: StoredImage, b: StoredImage) -> tuple[float, ...]:
        """Mean absolute difference of the drops of two images of the same tags."""
        keys = a.read("keys"), b.read("keys")
        if not np.array_equal(*keys):
            raise ValueError(f"objects of the tags {keys[0].tolist()} and {keys[1].tolist()}")
        return (mean_absolute(a.read("drop"), b.read("drop")),)

    def totals(self, image: StoredImage, classes: int) -> Totals:
        """The own drop of each class that was asked for; a row of 0 was not."""
        drop = image.read("drop")
        asked = drop.any(axis=1)
        return totals_by_key(image.read("keys")[asked], np.diagonal(drop)[asked], classes)
