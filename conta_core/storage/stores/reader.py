"""Reading a finished store."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from conta_core.errors import ContaError
from conta_core.storage.stores import validation
from conta_core.storage.stores.kinds import FORMAT_VERSION, IMAGE_SIZES


class StoreReader:
    """A finished store, open for reading; use it in a ``with`` block.

    Args:
        path: of the store.
        kind: a key of :data:`IMAGE_ARRAYS`.
        image_ids: images that must be there.
        classes: class names that it must have been made for; None: any.

    Raises:
        ContaError: missing, cut off, incomplete, of another kind, version or class
            list, or without one of the images.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        kind: str,
        image_ids: Sequence[str] = (),
        classes: Sequence[str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.kind = kind
        mend = "delete it and let the workflow make it again"
        try:
            validation.require_checked_structure(path)
            self._file = h5py.File(path, "r", locking=False)
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise ContaError(
                f"{path}: cannot be opened as a {kind} store ({error}); {mend}"
            ) from None
        try:
            try:
                attributes = validation.read_attributes(self._file)
            except validation.READING_ERRORS as error:
                raise self._unreadable("its structure", error) from None
            found = attributes.get("format")
            if found != f"conta-{kind}":
                raise ContaError(
                    f"{path}: format {found!r}, expected 'conta-{kind}'; name the right file"
                )
            version = attributes.get("format_version", -1)
            if version != FORMAT_VERSION:
                raise ContaError(
                    f"{path}: format version {version}, expected {FORMAT_VERSION}; {mend}"
                )
            if not attributes.get("complete", False):
                raise ContaError(f"{path}: the store is not complete; {mend}")
            try:
                self.classes = tuple(json.loads(attributes["classes"]))
                self.run = str(attributes["run"])
                self.round = int(attributes["round"])
                self.settings: dict[str, Any] = json.loads(attributes["settings"])
                if not all(isinstance(name, str) for name in self.classes):
                    raise ValueError(f"classes {self.classes}, expected names")
            except (*validation.READING_ERRORS, RecursionError) as error:
                raise ContaError(
                    f"{path}: its attributes cannot be read ({error!r}); {mend}"
                ) from None
            if classes is not None and tuple(classes) != self.classes:
                raise ContaError(
                    f"{path}: made for the classes {list(self.classes)}, expected "
                    f"{list(classes)}; {mend}"
                )
            missing = [i for i in image_ids if i not in self]
            if missing:
                raise ContaError(
                    f"{path}: lacks {len(missing)} images of the manifest, among them "
                    f"{missing[:5]}; {mend}"
                )
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> StoreReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @cached_property
    def _groups(self) -> dict[str, None]:
        """The images; found only when asked for, since jobs open a store once an image."""
        return dict.fromkeys(self.each_image_id())

    @property
    def image_ids(self) -> list[str]:
        """The images in the store."""
        return list(self._groups)

    def each_image_id(self, wanted: Callable[[str], bool] = lambda _: True) -> Iterator[str]:
        """The images in the store as they are found: the first at once, however many there are.

        Args:
            wanted: by the id; others are left out and not looked at.

        Raises:
            ContaError: at the place where the structure cannot be read.
        """
        try:
            yield from validation.image_groups(self._file, wanted)
        except validation.READING_ERRORS as error:
            raise self._unreadable("its structure", error) from None

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._groups

    def read(self, image_id: str, name: str) -> np.ndarray:
        """One array of one image.

        Raises:
            ContaError: no such image or array, or its bytes cannot be read.
        """
        return self._read(image_id, name)

    def has(self, image_id: str, name: str) -> bool:
        """Whether an image has an array, of those that a store may do without.

        Raises:
            ContaError: no such image, or the structure cannot be read.
        """
        try:
            return validation.has_array(self._file, image_id, name)
        except validation.READING_ERRORS as error:
            raise self._unreadable(image_id, error) from None

    def read_root(self, name: str) -> np.ndarray:
        """One array of the whole store."""
        return self._read(name)

    def size(self, image_id: str) -> tuple[int, int]:
        """Height and width in pixels of an image."""
        try:
            height, width = validation.read_attributes(self._file, image_id)["size"]
            return int(height), int(width)
        except validation.READING_ERRORS as error:
            raise self._unreadable(f"the size of {image_id}", error) from None

    def size_counts(self) -> Counter[tuple[int, int]]:
        """How many images have which height and width in pixels, without a look at any."""
        table = self._read(IMAGE_SIZES)
        if table.dtype.kind != "i" or table.ndim != 2 or table.shape[1] != 3 or (table < 1).any():
            raise self._unreadable(IMAGE_SIZES, ValueError("no table of heights, widths, counts"))
        return Counter({(height, width): count for height, width, count in table.tolist()})

    def _read(self, *names: str) -> np.ndarray:
        try:
            return validation.read_array(self._file, *names)
        except validation.READING_ERRORS as error:
            raise self._unreadable("/".join(names), error) from None

    def _unreadable(self, what: str, error: Exception) -> ContaError:
        return ContaError(
            f"{self.path}: {what} cannot be read ({error}); delete the store and let the "
            "workflow make it again"
        )
