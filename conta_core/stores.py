"""The HDF5 stores: the only module that knows their format.

A store is self-describing: root attributes ``format``, ``format_version``,
``classes``, ``run``, ``round``, ``settings`` (json) and ``complete``; one group an
image id with that image's arrays (``size`` is an attribute of the group); arrays
that belong to the whole store stand at the root. It is written under a temporary
name in its folder, flushed, marked complete and renamed. Readers take no locks, so
a read-only network file system will do.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from conta_core import store_guard
from conta_core.atomic import replace_when_done
from conta_core.errors import ContaError

FORMAT_VERSION = 1

#: kind of store -> the arrays of each image, with their axes
IMAGE_ARRAYS: dict[str, dict[str, str]] = {
    "cams": {
        "keys": "k: class indices of the tags",
        "cam": "k x h/4 x w/4, 0..1",
        "high_res": "k x H x W, 0..1",
        "probability": "n: sigmoid of the classifier's logits",
    },
    "labels": {"labels": "H x W: 0 background, i + 1 class i, 255 ignore"},
    "refined": {"keys": "k: class indices of the tags", "refined": "k x h/4 x w/4, after the walk"},
    "train_masks": {"mask": "H x W: predicted labels X_m"},
    "logits": {"logits": "n + 1 x h/8 x w/8, background first"},
    "context": {"mask": "h x w: M", "alpha": "n"},
    "confounders": {},
}

#: kind of store -> the arrays of the whole store
ROOT_ARRAYS: dict[str, dict[str, str]] = {
    "confounders": {
        "masks": "n x h x w: class-specific average masks c_i",
        "prior": "n: P(c)",
        "count": "n: images of each class",
    },
    "context": {"mean": "h x w: mean M of the training list", "deviation": "scalar"},
}


class StoreWriter:
    """Writes the images of one store; made by :func:`write_store`."""

    def __init__(self, file: h5py.File, kind: str) -> None:
        self._file = file
        self._kind = kind

    def write(
        self, image_id: str, arrays: Mapping[str, np.ndarray], size: tuple[int, int] | None = None
    ) -> None:
        """Write one image's arrays.

        Args:
            image_id: checked by the manifest.
            arrays: exactly the arrays that the kind of store has.
            size: height and width of the image in pixels.
        """
        expected = IMAGE_ARRAYS[self._kind]
        if set(arrays) != set(expected):
            raise ValueError(f"a {self._kind} store takes {sorted(expected)}, got {sorted(arrays)}")
        group = self._file.create_group(image_id)
        if size is not None:
            group.attrs["size"] = size
        for name, array in arrays.items():
            _create(group, name, array)

    def write_root(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Write the arrays that belong to the whole store."""
        expected = ROOT_ARRAYS[self._kind]
        if set(arrays) != set(expected):
            raise ValueError(f"a {self._kind} store takes {sorted(expected)}, got {sorted(arrays)}")
        for name, array in arrays.items():
            _create(self._file, name, array)


@contextmanager
def write_store(
    path: str | os.PathLike[str],
    kind: str,
    *,
    classes: Sequence[str],
    run: str,
    round_index: int,
    settings: Mapping[str, Any],
) -> Iterator[StoreWriter]:
    """Open a store for writing; it stands at ``path`` only when the block ended well.

    Args:
        path: of the finished store.
        kind: a key of :data:`IMAGE_ARRAYS`.
        classes: foreground class names, in order.
        run: name of the run.
        round_index: the round.
        settings: what the stage was told, plain values.
    """
    with (
        replace_when_done(path) as temporary,
        h5py.File(temporary, "w", locking=False, libver="v110") as file,
    ):
        # text of fixed length: it lies in the header, which has a checksum
        file.attrs["format"] = np.bytes_(f"conta-{kind}")
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["classes"] = np.bytes_(json.dumps(list(classes)))
        file.attrs["run"] = np.bytes_(run.encode())
        file.attrs["round"] = round_index
        file.attrs["settings"] = np.bytes_(json.dumps(settings, sort_keys=True))
        file.attrs["complete"] = False
        yield StoreWriter(file, kind)
        file.attrs["complete"] = True
        file.flush()


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
            store_guard.require_checked_structure(path)
            self._file = h5py.File(path, "r", locking=False)
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise ContaError(
                f"{path}: cannot be opened as a {kind} store ({error}); {mend}"
            ) from None
        try:
            try:
                attributes = store_guard.read_attributes(self._file)
                self._groups = dict.fromkeys(store_guard.image_groups(self._file))
            except store_guard.READING_ERRORS as error:
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
            except (*store_guard.READING_ERRORS, RecursionError) as error:
                raise ContaError(
                    f"{path}: its attributes cannot be read ({error!r}); {mend}"
                ) from None
            if classes is not None and tuple(classes) != self.classes:
                raise ContaError(
                    f"{path}: made for the classes {list(self.classes)}, expected "
                    f"{list(classes)}; {mend}"
                )
            missing = [i for i in image_ids if i not in self._groups]
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

    @property
    def image_ids(self) -> list[str]:
        """The images in the store."""
        return list(self._groups)

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._groups

    def read(self, image_id: str, name: str) -> np.ndarray:
        """One array of one image.

        Raises:
            ContaError: no such image or array, or its bytes cannot be read.
        """
        return self._read(image_id, name)

    def read_root(self, name: str) -> np.ndarray:
        """One array of the whole store."""
        return self._read(name)

    def size(self, image_id: str) -> tuple[int, int]:
        """Height and width in pixels of an image."""
        try:
            height, width = store_guard.read_attributes(self._file, image_id)["size"]
            return int(height), int(width)
        except store_guard.READING_ERRORS as error:
            raise self._unreadable(f"the size of {image_id}", error) from None

    def _read(self, *names: str) -> np.ndarray:
        try:
            return store_guard.read_array(self._file, *names)
        except store_guard.READING_ERRORS as error:
            raise self._unreadable("/".join(names), error) from None

    def _unreadable(self, what: str, error: Exception) -> ContaError:
        return ContaError(
            f"{self.path}: {what} cannot be read ({error}); delete the store and let the "
            "workflow make it again"
        )


def _create(group: h5py.Group, name: str, array: np.ndarray) -> None:
    array = np.asarray(array)
    if array.dtype == np.uint8 and array.ndim == 2:
        # label maps are nearly constant: one cheap compression level shrinks them fifty-fold
        group.create_dataset(name, data=array, compression="gzip", compression_opts=1, shuffle=True)
    else:
        group.create_dataset(name, data=array)
