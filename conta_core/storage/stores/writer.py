"""Writing a store: under a temporary name, complete and renamed when the block ends well."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from conta_core.storage.atomic import replace_when_done
from conta_core.storage.stores.error_latching import ErrorLatchingStream
from conta_core.storage.stores.kinds import (
    FORMAT_VERSION,
    IMAGE_ARRAYS,
    IMAGE_SIZES,
    ROOT_ARRAYS,
    require_arrays,
)


class StoreWriter:
    """Writes the images of one store; made by :func:`write_store`."""

    def __init__(self, file: h5py.File, stream: ErrorLatchingStream, kind: str) -> None:
        self._file = file
        self._stream = stream
        self._kind = kind
        self._sizes: Counter[tuple[int, int]] = Counter()

    def write(self, image_id: str, arrays: Mapping[str, np.ndarray], size: tuple[int, int]) -> None:
        """Write one image's arrays.

        Args:
            image_id: checked by the manifest.
            arrays: exactly the arrays that the kind of store has.
            size: height and width of the image in pixels.

        Raises:
            OSError: the disk is full, or cannot be written to for another reason.
        """
        require_arrays(self._kind, arrays, IMAGE_ARRAYS[self._kind])
        group = self._file.create_group(image_id)
        group.attrs["size"] = size
        self._sizes[size] += 1
        for name, array in arrays.items():
            _create(group, name, array)
        self._stream.require_written()

    def write_root(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Write the arrays that belong to the whole store."""
        require_arrays(self._kind, arrays, ROOT_ARRAYS[self._kind])
        for name, array in arrays.items():
            _create(self._file, name, array)

    def finish(self) -> None:
        """Write the table of sizes, and that the store is complete."""
        if IMAGE_ARRAYS[self._kind]:
            rows = [(*size, count) for size, count in sorted(self._sizes.items())]
            _create(self._file, IMAGE_SIZES, np.array(rows, np.int64).reshape(-1, 3))
        self._file.attrs["complete"] = True


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

    Raises:
        OSError: the disk is full, or cannot be written to for another reason.
    """
    with replace_when_done(path) as temporary, ErrorLatchingStream(temporary) as stream:
        with h5py.File(stream, "w", libver="v110") as file:
            # text of fixed length: it lies in the header, which has a checksum
            file.attrs["format"] = np.bytes_(f"conta-{kind}")
            file.attrs["format_version"] = FORMAT_VERSION
            file.attrs["classes"] = np.bytes_(json.dumps(list(classes)))
            file.attrs["run"] = np.bytes_(run.encode())
            file.attrs["round"] = round_index
            file.attrs["settings"] = np.bytes_(json.dumps(settings, sort_keys=True))
            file.attrs["complete"] = False
            writer = StoreWriter(file, stream, kind)
            yield writer
            writer.finish()
        stream.require_written()


def _create(group: h5py.Group, name: str, array: np.ndarray) -> None:
    """Write an array as one chunk, whose checksum (Fletcher32) every reading verifies."""
    array = np.asarray(array)
    options: dict[str, Any] = {}
    if array.size and array.ndim:
        options = {"chunks": array.shape, "fletcher32": True}
    elif array.ndim == 0:
        # a scalar has no chunks: it lies in the dataset's header, which has a checksum
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        options = {"dcpl": compact}
    if array.dtype == np.uint8 and array.ndim == 2 and array.size:
        # label maps are nearly constant: one cheap compression level shrinks them fifty-fold
        options |= {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    group.create_dataset(name, data=array, **options)
