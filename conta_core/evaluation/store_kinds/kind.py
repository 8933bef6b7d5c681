"""What a kind of store tells of its images: their classes, and how far two images are apart."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from conta_core.images.masks import IGNORE
from conta_core.storage.stores.kinds import IMAGE_ARRAYS, Array
from conta_core.storage.stores.reader import StoreReader

#: a table: column -> plain value
Rows = list[dict[str, Any]]
#: of each class a sum and a weight, float64 (n,)
Totals = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class StoredImage:
    """One image of a store or of a folder of masks.

    Attributes:
        id: of the image.
        size: height and width in pixels.
        classes: foreground class names; none where a folder of masks does not know them.
        read: an array by its name; it is read when it is asked for.
        has: whether there is an array of a name.
    """

    id: str
    size: tuple[int, int]
    classes: Sequence[str]
    read: Callable[[str], np.ndarray]
    has: Callable[[str], bool] = lambda _: True

    def find(self, name: str) -> np.ndarray | None:
        """An array that a store may do without; None: this one does."""
        return self.read(name) if self.has(name) else None


class StoreKind:
    """A kind of store.

    Attributes:
        name: a key of :data:`~conta_core.storage.stores.kinds.IMAGE_ARRAYS`.
        title: what the store holds, in words.
        caption: the same on a picture, in short.
    """

    name: str
    title: str
    caption: str

    @property
    def arrays(self) -> Mapping[str, Array]:
        """The arrays of each image."""
        return IMAGE_ARRAYS[self.name]

    def store_rows(self, store: StoreReader) -> Rows:
        """What the arrays of the whole store say of each class; empty where they say nothing."""
        return []


class ImageKind(StoreKind, ABC):
    """A kind of store that holds images.

    Attributes:
        tells_classes: whether :meth:`classes` says which classes an image has.
        measures: what the numbers of :meth:`difference` are, in words.
        class_measure: what :meth:`totals` says of each class, in words.
        of_labels: whether the totals are of labels: background, the classes, ignored.
        map_range: lowest and highest value of :meth:`as_map`; None: not known beforehand.
    """

    tells_classes = True
    measures: tuple[str, ...]
    class_measure: str
    of_labels = False
    map_range: tuple[float, float] | None = None

    @abstractmethod
    def classes(self, image: StoredImage) -> list[str] | None:
        """The classes of the image's tags, or those that it shows; None where it does not say."""

    @abstractmethod
    def class_rows(self, image: StoredImage) -> Rows:
        """What the arrays of an image say of each class."""

    @abstractmethod
    def difference(self, a: StoredImage, b: StoredImage) -> tuple[float, ...]:
        """How far two images of one size are apart, a number for each of :attr:`measures`.

        Raises:
            ValueError: arrays that cannot be compared.
        """

    @abstractmethod
    def totals(self, image: StoredImage, classes: int) -> Totals:
        """A sum and a weight for each of so many classes.

        Summed over images, sum over weight is the class's number (:attr:`class_measure`).

        Raises:
            ValueError, IndexError: arrays that do not fit each other, the image or the classes.
        """

    def as_map(self, image: StoredImage) -> np.ndarray | None:
        """One float32 map (h, w) that stands for the image; None: it has none."""
        return None


class TaggedKind(ImageKind):
    """A kind whose array ``keys`` has the class indices of the image's tags."""

    def classes(self, image: StoredImage) -> list[str]:
        """The image's tags."""
        return [class_name(image.classes, key) for key in image.read("keys").tolist()]


def class_name(classes: Sequence[str], index: int) -> str:
    """The name of a class index; of one that is no class, the number."""
    return classes[index] if 0 <= index < len(classes) else f"class {index}?"


def label_name(classes: Sequence[str], value: int) -> str:
    """The name of a pixel value of a mask.

    Args:
        classes: foreground class names; none where they are not known.
        value: 0 background, i + 1 class i, 255 ignored.
    """
    if value in (0, IGNORE):
        return "background" if value == 0 else "ignored"
    return class_name(classes, value - 1) if classes else f"label {value}"


def rounded(value: Any) -> float:
    """Four significant digits."""
    return float(f"{float(value):.4g}")


def mean_absolute(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference of two arrays.

    Raises:
        ValueError: arrays of other shapes.
    """
    if a.shape != b.shape:
        raise ValueError(f"arrays of {a.shape} and {b.shape}")
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).mean()) if a.size else 0.0


def totals_by_key(keys: np.ndarray, values: np.ndarray, classes: int) -> Totals:
    """The mean of each entry of ``values`` as the sum of its class, and how many entries it has.

    Args:
        keys: class index of each entry, int (k,).
        values: float (k, ...).
        classes: how many there are.
    """
    sums, weights = np.zeros(classes), np.zeros(classes)
    for key, one in zip(keys, values, strict=True):
        sums[key] += one.mean(dtype=np.float64)
        weights[key] += 1
    return sums, weights
