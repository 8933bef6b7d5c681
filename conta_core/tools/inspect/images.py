"""The images of a file: one by one as they are found, by name, by class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from conta_core.data.masks import IGNORE, read_label_png
from conta_core.errors import ContaError
from conta_core.runtime.nearest import nearest
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.inspect.arrays import MASKS, fitting
from conta_core.tools.inspect.properties import class_name, label_name

if TYPE_CHECKING:
    from conta_core.data.manifest import Manifest

#: whether an image is wanted, by its id; every id is true
Wanted = Callable[[str], bool]


class ImageLine(NamedTuple):
    """One image in a list.

    Attributes:
        id: of the image.
        height: in pixels.
        width: in pixels.
        classes: of its tags, or those predicted in it; None where the file does not say.
    """

    id: str
    height: int
    width: int
    classes: list[str] | None


class Images(Protocol):
    """What has images; :class:`StoreImages`, :class:`ManifestImages`, :class:`MaskImages`."""

    @property
    def where(self) -> Path:
        """The file."""

    @property
    def class_names(self) -> Sequence[str]:
        """Foreground class names."""

    @property
    def has_classes(self) -> bool:
        """Whether it says of each image which classes it has."""

    def ids(self, wanted: Wanted) -> Iterator[str]:
        """Image ids that are wanted, as they are found."""

    def line(self, image_id: str) -> ImageLine:
        """Size and classes of an image."""


class StoreImages:
    """The images of a store: the classes of their tags, or those that are predicted.

    ``cams``, ``refined`` and ``objects`` have the tags; of ``labels``, ``train_masks`` and
    ``logits`` the classes that at least one pixel (or cell) has; ``context`` has none.
    """

    def __init__(self, store: StoreReader) -> None:
        self.where, self.class_names = store.path, store.classes
        self.has_classes = store.kind not in ("context", "confounders")
        self._store = store

    def ids(self, wanted: Wanted = bool) -> Iterator[str]:
        """Image ids that are wanted, as they are found."""
        return self._store.each_image_id(wanted)

    def line(self, image_id: str) -> ImageLine:
        """Size and classes of an image."""
        size = self._store.size(image_id)
        with fitting(self.where, image_id):
            return ImageLine(image_id, *size, self._classes(image_id))

    def _classes(self, image_id: str) -> list[str] | None:
        kind = self._store.kind
        if not self.has_classes:
            return None
        if kind in MASKS:
            return _named(self._store.read(image_id, MASKS[kind]), self.class_names)
        if kind == "logits":
            labels = self._store.read(image_id, "logits").argmax(axis=0).astype(np.uint8)
            return _named(labels, self.class_names)
        keys = self._store.read(image_id, "keys").tolist()
        return [class_name(self.class_names, key) for key in keys]


class ManifestImages:
    """The images of a manifest, with their tags."""

    has_classes = True

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.where, self.class_names = path, manifest.classes
        self._manifest = manifest

    def ids(self, wanted: Wanted = bool) -> Iterator[str]:
        """Image ids that are wanted, in order."""
        return filter(wanted, self._manifest.images)

    def line(self, image_id: str) -> ImageLine:
        """Size and tags of an image."""
        record = self._manifest.images[image_id]
        return ImageLine(image_id, *record.size, list(record.tags))


class MaskImages:
    """The masks of a folder, with the classes that they show."""

    has_classes = True

    def __init__(self, folder: Path, class_names: Sequence[str]) -> None:
        self.where, self.class_names = folder, class_names

    def ids(self, wanted: Wanted = bool) -> Iterator[str]:
        """Image ids that are wanted, in the order of their names."""
        return filter(wanted, sorted(path.stem for path in self.where.glob("*.png")))

    def line(self, image_id: str) -> ImageLine:
        """Size and classes of a mask."""
        labels = read_label_png(self.where / f"{image_id}.png")
        height, width = labels.shape
        return ImageLine(image_id, height, width, _named(labels, self.class_names))


def find_images(
    images: Images, *, match: str | None = None, class_: str | None = None, skip: int = 0
) -> Iterator[ImageLine]:
    """The images that fit, one by one as they are found.

    Args:
        images: of a file.
        match: pattern of the id with ``*``, ``?`` and ``[...]``; None: any.
        class_: a class name that the image must have; None: any.
        skip: leave out so many of those that fit; nothing of them is read that need not be.

    Raises:
        ContaError: the class is not there, or the file says no classes of its images.
    """
    if class_ is not None:
        _require_class(images, class_)
    for image_id in images.ids(lambda name: match is None or fnmatchcase(name, match)):
        if class_ is None and skip:
            skip -= 1
            continue
        line = images.line(image_id)
        if class_ is not None and class_ not in (line.classes or ()):
            continue
        if skip:
            skip -= 1
            continue
        yield line


def _require_class(images: Images, name: str) -> None:
    if not images.has_classes:
        raise ContaError(
            f"{images.where}: does not say which classes an image has; ask the round's cams.h5, "
            "train_masks.h5 or logits.h5"
        )
    if name not in images.class_names:
        near = nearest(name, images.class_names)
        hint = f"near it: {', '.join(near)}" if near else f"it has {', '.join(images.class_names)}"
        raise ContaError(f"{images.where}: has no class {name!r}; {hint}")


def _named(labels: np.ndarray, class_names: Sequence[str]) -> list[str]:
    """The foreground classes in a mask."""
    values = np.flatnonzero(np.bincount(labels.reshape(-1), minlength=IGNORE + 1)[:IGNORE])
    return [label_name(class_names, int(value)) for value in values if value]
