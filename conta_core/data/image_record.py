"""One image of a data set: its files, as every stage reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from conta_core.errors import ContaError
from conta_core.images.file_bytes import NamedBytes, digest_of, read_bytes
from conta_core.images.masks import read_label_png, resize_labels
from conta_core.images.photographs import read_image, stored_size


@dataclass(frozen=True)
class ImageRecord:
    """One image: its files, its size and its tags.

    Attributes:
        id: what stores and results call it.
        image: path of the photograph.
        height: in pixels.
        width: likewise.
        tags: names of classes, in the order of the classes.
        mask: path of the ground truth.
        context_map: path of the true contexts, of data that are made.
        name: what its owner calls it, without ending, where that is no id.
        stored_size: height and width of its files, where stages read it smaller.
        digest: of the photograph's file when it was checked; None: unknown, nothing is compared.
        mask_digest: likewise, of the ground truth's.
    """

    id: str
    image: str
    height: int
    width: int
    tags: tuple[str, ...]
    mask: str | None = None
    context_map: str | None = None
    name: str | None = None
    stored_size: tuple[int, int] | None = None
    digest: str | None = None
    mask_digest: str | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels at which stages read the image and all that lies on it."""
        return self.height, self.width

    @property
    def own_size(self) -> tuple[int, int]:
        """Height and width of the photograph, and of masks that leave the project."""
        return self.stored_size or self.size

    @property
    def own_name(self) -> str:
        """What its owner calls it: for what leaves the project, and for messages."""
        return self.name or self.id

    def read_image(self) -> np.ndarray:
        """The photograph at the size of the stages, uint8 (H, W, 3), RGB.

        Raises:
            ContaError: missing, unreadable, or another file than index_dataset checked.
        """
        try:
            content = read_bytes(self.image)
        except FileNotFoundError:
            return read_image(self.image)  # says what is missing
        self._require_same(content, self.digest, self.image)
        long_side = None if self.stored_size is None else max(self.size)
        pixels = read_image(NamedBytes(content, self.image).as_path(), long_side)
        if pixels.shape[:2] != self.size:
            raise self._other_size(self.image, pixels.shape)
        return pixels

    def read_own_labels(self, path: str, colours: Mapping[int, int] | None = None) -> np.ndarray:
        """The values of a file of labels that is the user's, uint8 (H, W), at the stages' size.

        Args:
            path: of the file.
            colours: of its labels, as :func:`~conta_core.images.masks.read_label_png` takes them.
        """
        try:
            content = read_bytes(path)
        except FileNotFoundError:
            return read_label_png(path)  # says what is missing
        labels = read_label_png(NamedBytes(content, path).as_path(), colours)
        self._require_same(content, self.mask_digest if path == self.mask else None, path)
        if labels.shape != self.own_size:
            raise self._other_size(path, labels.shape)
        return self.at_working_size(labels)

    def at_working_size(self, labels: np.ndarray) -> np.ndarray:
        """Labels (H, W) of the photograph's own size at that of the stages; others as they are."""
        return resize_labels(labels, self.size) if labels.shape == self.own_size else labels

    def at_own_size(self, labels: np.ndarray) -> np.ndarray:
        """Labels (H, W) of the stages' size at the photograph's own; :meth:`at_working_size` gives
        the same labels again.
        """
        return resize_labels(labels, self.own_size)

    def _other_size(self, path: str, found: tuple[int, ...]) -> ContaError:
        return ContaError(
            f"{path}: size {found[:2]} but the image {self.id} has {self.own_size}; the file "
            "changed since index_dataset: run it again"
        )

    def _require_same(self, content: bytes, digest: str | None, path: str) -> None:
        if digest is None or digest_of(content) == digest:
            return
        height, width = self.own_size
        raise ContaError(
            f"{path}: another file than index_dataset read, where it had {width} x {height} "
            f"pixels ({self.id} has {_size_in_words(content)} now); run the workflow again: what "
            "depends on the data set is made anew. If it does not notice, delete dataset.json"
        )


def _size_in_words(content: bytes) -> str:
    """Width x height of the image that a file holds."""
    try:
        height, width = stored_size(NamedBytes(content, "").as_path())
    except Exception:  # another file altogether
        return "no size"
    return f"{width} x {height}"
