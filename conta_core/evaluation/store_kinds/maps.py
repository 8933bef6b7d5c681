"""Kinds of store whose images are maps of the tags: CAMs and refined CAMs."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import NamedTuple

import numpy as np

from conta_core.evaluation.store_kinds.kind import (
    Rows,
    StoredImage,
    TaggedKind,
    Totals,
    class_name,
    mean_absolute,
    rounded,
    totals_by_key,
)
from conta_core.refinement.pseudo_masks import strongest_class, upsample_refined


class Maps(NamedTuple):
    """The maps of an image's tags.

    Attributes:
        keys: class indices, int (k,).
        values: float32 (k, H, W), 0..1.
    """

    keys: np.ndarray
    values: np.ndarray


class Strongest(NamedTuple):
    """The strongest map at each pixel.

    Attributes:
        values: float32 (H, W), 0..1.
        names: class names, those that are strongest at the most pixels first.
    """

    values: np.ndarray
    names: list[str]


class MapKind(TaggedKind):
    """A kind with a map for each tag.

    Attributes:
        scale: what the maps are divided by, in words.
        short_scale: the same, after the caption.
    """

    scale: str
    short_scale: str
    map_range = (0.0, 1.0)

    @abstractmethod
    def full_size(self, image: StoredImage) -> np.ndarray:
        """The maps at the size of the image, float (k, H, W), 0..1."""

    @abstractmethod
    def map_notes(self, image: StoredImage, maps: Maps) -> list[str]:
        """A note on each map, for its picture."""

    def as_maps(self, image: StoredImage) -> Maps:
        """The map of each tag.

        Raises:
            ValueError: arrays that do not fit each other, the classes or the image.
        """
        keys, values = image.read("keys"), self.full_size(image).astype(np.float32, copy=False)
        known = all(0 <= key < len(image.classes) for key in keys)
        if values.shape != (len(keys), *image.size) or not known:
            raise ValueError(f"maps of {values.shape} with the class indices {keys.tolist()}")
        return Maps(keys, values)

    def strongest(self, image: StoredImage) -> Strongest:
        """The strongest map at each pixel, and whose it is; 0 everywhere without tags."""
        keys, maps = self.as_maps(image)
        values, by_class = strongest_class(maps, keys)
        pixels = {int(key): int((by_class == key).sum()) for key in keys}
        order = sorted(pixels, key=lambda key: -pixels[key])
        return Strongest(values, [image.classes[key] for key in order])

    def as_map(self, image: StoredImage) -> np.ndarray:
        """The strongest map at each pixel."""
        return self.strongest(image).values

    def difference(self, a: StoredImage, b: StoredImage) -> tuple[float, ...]:
        """Mean absolute difference over the tags of either side; a missing map counts as 0."""
        one, two = ({int(k): m for k, m in zip(*self.as_maps(i), strict=True)} for i in (a, b))
        zero = np.zeros(a.size, np.float32)
        keys = sorted({*one, *two})
        apart = [mean_absolute(one.get(key, zero), two.get(key, zero)) for key in keys]
        return (sum(apart) / len(apart) if apart else 0.0,)

    def totals(self, image: StoredImage, classes: int) -> Totals:
        """Mean of the map of each class, over the images with the tag."""
        return totals_by_key(*self.as_maps(image), classes)


class Cams(MapKind):
    """CAMs of both lists."""

    name = "cams"
    title, caption = "CAMs", "CAM"
    scale = "CAM, each class divided by its own maximum in this image"
    short_scale = "each class divided by its maximum"
    measures = ("CAM difference", "P(class) difference")
    class_measure = "mean CAM of the images with the tag"

    def full_size(self, image: StoredImage) -> np.ndarray:
        """As stored."""
        return image.read("high_res")

    def map_notes(self, image: StoredImage, maps: Maps) -> list[str]:
        """The classifier's P(class); nothing where there is no classifier."""
        probability = image.find("probability")
        if probability is None:
            return [""] * len(maps.keys)
        return [f"P(class) {probability[key]:.3f}" for key in maps.keys]

    def class_rows(self, image: StoredImage) -> Rows:
        """The image's tags with their maps first, then the other classes by probability.

        Without a classifier the tags alone.
        """
        keys, probability = image.read("keys").tolist(), image.find("probability")
        if probability is None:
            probability = np.zeros(0, np.float32)
        maps = dict(zip(keys, image.read("high_res").astype(np.float32), strict=False))
        order = [*keys, *(i for i in np.argsort(-probability).tolist() if i not in maps)]
        return [
            {
                "class": class_name(image.classes, i),
                "tag": "yes" if i in maps else "no",
                "P(class)": rounded(probability[i]) if 0 <= i < len(probability) else None,
                "mean CAM": rounded(maps[i].mean()) if i in maps else None,
                "percent above 0.5": rounded(100 * (maps[i] > 0.5).mean()) if i in maps else None,
            }
            for i in order
        ]

    def difference(self, a: StoredImage, b: StoredImage) -> tuple[float, ...]:
        """Of the maps, and of the probabilities of all classes; NaN where a side has none."""
        one, two = a.find("probability"), b.find("probability")
        apart = math.nan if one is None or two is None else mean_absolute(one, two)
        return *super().difference(a, b), apart


class RefinedCams(MapKind):
    """CAMs after the random walk."""

    name = "refined"
    title, caption = "refined CAMs", "refined CAM"
    scale = "refined CAM, divided by the maximum over all classes of this image"
    short_scale = "divided by the maximum over all classes"
    measures = ("refined CAM difference",)
    class_measure = "mean refined CAM over its maximum, of the images with the tag"

    def full_size(self, image: StoredImage) -> np.ndarray:
        """Enlarged from the grid."""
        return upsample_refined(image.read("refined"), image.size)

    def map_notes(self, image: StoredImage, maps: Maps) -> list[str]:
        """The highest value of each map."""
        return [f"highest {float(one.max()):.2f}" for one in maps.values]

    def class_rows(self, image: StoredImage) -> Rows:
        """Highest and mean value of each tag's map as it is stored."""
        pairs = zip(image.read("keys"), image.read("refined"), strict=False)
        return [
            {
                "class": class_name(image.classes, int(key)),
                "max": rounded(one.max()),
                "mean": rounded(one.mean()),
            }
            for key, one in pairs
        ]
