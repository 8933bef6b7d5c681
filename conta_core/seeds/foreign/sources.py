"""Where another program's CAMs lie: a folder with a file an image, or a store of ours."""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png
from conta_core.seeds.cams import ImageCams
from conta_core.seeds.foreign.fitting import fit_labels, fit_to
from conta_core.seeds.foreign.forms import ForeignMaps, recognise
from conta_core.storage.foreign.files import ENDINGS, read_foreign
from conta_core.storage.foreign.limits import RefusedError
from conta_core.storage.stores.reader import StoreReader

LOGGER = logging.getLogger(__name__)
#: of the file of an image
MASK = ".png"
#: what a file may hold beside its maps, bytes
SLACK = 2**24
#: bytes of a pixel of a class: in float64, and as much again
BYTES_A_PIXEL = 16


class CamSource(ABC):
    """CAMs of images by their ids; several threads may ask at once.

    Args:
        path: of the source.
        classes: foreground class names.
    """

    def __init__(self, path: Path, classes: Sequence[str]) -> None:
        self.path, self.classes = path, classes

    @abstractmethod
    def has(self, image_id: str) -> bool:
        """Whether the source has the CAMs of an image."""

    @abstractmethod
    def read(self, record: ImageRecord, keys: np.ndarray) -> ImageCams:
        """The CAMs of an image.

        Args:
            record: of the image.
            keys: class indices of its tags, ascending, int (k,).

        Raises:
            ContaError: its file is missing or broken, or does not fit the image.
        """

    def require(self, records: Sequence[ImageRecord]) -> None:
        """Raise ContaError unless the source has the CAMs of all images that have tags."""
        missing = [one.id for one in records if one.tags and not self.has(one.id)]
        if missing:
            raise ContaError(
                f"{self.path}: lacks the CAMs of {len(missing)} of {len(records)} images, among "
                f"them {missing[:5]}; {self.expected}; make them, or name another source in "
                "cam.source"
            )

    @property
    @abstractmethod
    def expected(self) -> str:
        """What is looked for, in words."""


class CamFolder(CamSource):
    """A folder with ``<image id>.npy``, ``.npz``, ``.pt`` or ``.png``.

    Args:
        path: of the folder.
        classes: foreground class names.

    Raises:
        ContaError: there is no such folder.
    """

    expected = "expected <image id> with .npy, .npz, .pt or .png for each"

    def __init__(self, path: Path, classes: Sequence[str]) -> None:
        super().__init__(path, classes)
        try:
            self._names = frozenset(os.listdir(path))  # one look, not one an image
        except OSError as error:
            raise ContaError(
                f"cam.source: {path}: no folder that can be read ({error.strerror}); name a folder "
                "with the CAMs of each image, or a cams.h5"
            ) from None

    def has(self, image_id: str) -> bool:
        """Whether the folder has a file of an image."""
        return bool(self._files(image_id))

    def read(self, record: ImageRecord, keys: np.ndarray) -> ImageCams:
        """The CAMs of an image's file."""
        names = self._files(record.id)
        if len(names) > 1:
            raise ContaError(
                f"{self.path}: {' and '.join(names)} are both of image {record.id}, expected one "
                "file for it; move the others to another folder"
            )
        if not names and len(keys):
            self.require([record])
        if not names:
            return fit_to(record, ForeignMaps([], None, None), keys, self.classes)
        path = self.path / names[0]
        try:
            if path.suffix == MASK:
                return fit_labels(read_label_png(path), record, keys, self.classes)
            pixels = max(record.own_size[0] * record.own_size[1], 1)
            most = SLACK + BYTES_A_PIXEL * pixels * len(self.classes)
            return fit_to(record, recognise(read_foreign(path, most)), keys, self.classes)
        except RefusedError as error:
            raise _refused(path, record.id, error) from None

    def _files(self, image_id: str) -> list[str]:
        names = (f"{image_id}{ending}" for ending in (*ENDINGS, MASK))
        return [name for name in names if name in self._names]


class CamStore(CamSource):
    """A ``cams.h5`` of another run.

    Args:
        path: of the store.
        classes: foreground class names, which must be its own.

    Raises:
        ContaError: no such store, or one of other classes.
    """

    expected = "expected a store of the CAMs of the same images"

    def __init__(self, path: Path, classes: Sequence[str]) -> None:
        super().__init__(path, classes)
        self._store = StoreReader(path, "cams", classes=classes)

    def has(self, image_id: str) -> bool:
        """Whether the store has an image."""
        return image_id in self._store

    def read(self, record: ImageRecord, keys: np.ndarray) -> ImageCams:
        """The CAMs of an image, bit by bit."""
        names = ("keys", "cam", "high_res")
        content = {name: self._store.read(record.id, name) for name in names}
        try:
            return fit_to(record, recognise(content), keys, self.classes)
        except RefusedError as error:
            raise _refused(self.path, record.id, error) from None


def open_source(path: str | os.PathLike[str], classes: Sequence[str]) -> CamSource:
    """The source of a path: a store where it ends with ``.h5``, else a folder.

    Args:
        path: the key ``cam.source``.
        classes: foreground class names.

    Raises:
        ContaError: it is not there, or is no store of these classes.
    """
    kind = CamStore if Path(path).suffix == ".h5" else CamFolder
    return kind(Path(path), classes)


def images_there(source: CamSource, data: Manifest, ids: Sequence[str]) -> list[str]:
    """The images whose CAMs are made: all, or all but those of the validation list alone.

    Args:
        source: of the CAMs.
        data: the manifest.
        ids: that are asked for.

    Raises:
        ContaError: the source lacks images of the training list, or some of the validation list.
    """
    training = set(data.ids("train"))
    first = [i for i in ids if i in training]
    others = [i for i in ids if i not in training]
    source.require([data.images[i] for i in first])
    tagged = [i for i in others if data.images[i].tags]
    if tagged and not any(source.has(i) for i in tagged):
        LOGGER.info("%s has no CAMs of the validation list: they are not scored", source.path)
        return first
    source.require([data.images[i] for i in others])
    return list(ids)


def _refused(path: Path, image_id: str, error: RefusedError) -> ContaError:
    mend = error.mend or "write the file again"
    return ContaError(f"{path}: image {image_id}: {error}; {mend}")
