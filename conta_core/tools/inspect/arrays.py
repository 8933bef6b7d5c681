"""Properties of arrays: shapes, types, ranges, and what they say of each class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from conta_core.evaluation.store_kinds.images import Images, StoreImages, fitting
from conta_core.evaluation.store_kinds.kind import ImageKind, rounded
from conta_core.storage.stores.kinds import ROOT_ARRAYS
from conta_core.tools.inspect.images import require_image
from conta_core.tools.inspect.properties import Property


def array_row(name: str, values: np.ndarray) -> dict[str, Any]:
    """Shape, type and range of an array; the range is of its finite values."""
    row: dict[str, Any] = {
        "array": name,
        "shape": " x ".join(str(side) for side in values.shape) or "scalar",
        "type": str(values.dtype),
    }
    finite = values[np.isfinite(values)]
    plain = int if values.dtype.kind in "iu" else rounded
    row["min"] = plain(finite.min()) if finite.size else None
    row["max"] = plain(finite.max()) if finite.size else None
    row["mean"] = rounded(finite.mean(dtype=np.float64)) if finite.size else None
    if finite.size < values.size:
        row["not finite"] = values.size - finite.size
    return row


def describe_image(images: Images, image_id: str) -> Iterator[Property]:
    """The arrays of one image of a store or of a folder of masks.

    Raises:
        ContaError: the image is not there, or its arrays cannot be read.
    """
    require_image(images.where, image_id, images.ids())
    image = images.image(image_id)
    names = [name for name in images.kind.arrays if image.has(name)]
    arrays = [array_row(name, image.read(name)) for name in names]
    yield Property("image", image_id, images.about)
    yield Property("size", "{} x {}".format(*image.size), "height x width")
    yield Property("arrays", arrays)
    if isinstance(images.kind, ImageKind):
        with fitting(images.where, image):
            rows = images.kind.class_rows(image)
        yield Property("classes", rows)


def root_properties(images: StoreImages) -> Iterator[Property]:
    """The arrays of the whole store, and what they say of each class."""
    store, kind = images.store, images.kind
    rows = [array_row(name, store.read_root(name)) for name in ROOT_ARRAYS[kind.name]]
    yield Property("arrays of the store", rows)
    if rows := kind.store_rows(store):
        yield Property(kind.title.removeprefix("the "), rows)
