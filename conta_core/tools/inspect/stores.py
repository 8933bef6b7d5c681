"""Properties of a store."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from conta_core.errors import ContaError
from conta_core.evaluation.store_kinds.images import StoreImages
from conta_core.evaluation.store_kinds.registry import KINDS
from conta_core.storage.stores.header import MEND, read_store_attributes, store_kind
from conta_core.storage.stores.kinds import FORMAT_VERSION, IMAGE_ARRAYS, ROOT_ARRAYS
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.inspect.arrays import root_properties
from conta_core.tools.inspect.properties import Property, size_properties

#: damaged arrays that are spelt out
MAX_LISTED = 20
#: shows how far a loop over so many items is
Track = Callable[[Iterable[str], int], Iterable[str]]


def describe_store(
    path: str | os.PathLike[str], *, check: bool = False, track: Track = lambda items, _: items
) -> Iterator[Property]:
    """What a store is: first what it says of itself, then what its images are.

    The properties of a store that must not be read come as far as it says them; then the error.

    Args:
        path: of the store.
        check: read every byte and compare the checksums.
        track: shows how far that is.

    Raises:
        ContaError: no store, not complete, of another version, cut off or damaged.
    """
    attributes = read_store_attributes(path)
    kind = store_kind(path, attributes)
    yield Property("what", f"{KINDS[kind].title} (conta-{kind})")
    yield from _header(attributes)
    yield Property("bytes", Path(path).stat().st_size)
    with StoreReader(path, kind) as store:
        if not check:
            yield Property("checksums", "not checked", "--check reads every byte")
        if IMAGE_ARRAYS[kind]:
            yield from size_properties(store.size_counts())
            yield Property("arrays of each image", _image_arrays(store))
        if kind in ROOT_ARRAYS:
            yield from root_properties(StoreImages(store))
        if check:
            yield from _checked(store, track)


def _header(attributes: dict[str, Any]) -> Iterator[Property]:
    version = attributes.get("format_version", "none")
    note = "" if version == FORMAT_VERSION else f"this version of Conta reads {FORMAT_VERSION}"
    yield Property("format version", version, note)
    for name in ("run", "round"):
        yield Property(name, attributes.get(name, "cannot be read"))
    classes = attributes.get("classes", "cannot be read")
    yield Property("classes", classes, str(len(classes)) if isinstance(classes, list) else "")
    yield Property("settings", attributes.get("settings", "cannot be read"))
    yield Property("complete", "yes" if attributes.get("complete") else "no")


def _image_arrays(store: StoreReader) -> list[dict[str, str]]:
    """Names and axes by the kind of store; types by the first image."""
    rows = []
    first = next(store.each_image_id(), None)
    for name, array in IMAGE_ARRAYS[store.kind].items():
        if array.optional and first is not None and not store.has(first, name):
            continue
        dtype = "-" if first is None else str(store.read(first, name).dtype)
        rows.append({"name": name, "type": dtype, "axes and range": array.axes})
    return rows


def _checked(store: StoreReader, track: Track) -> Iterator[Property]:
    arrays, damaged = 0, []
    images, ids = IMAGE_ARRAYS[store.kind], store.image_ids
    if images:
        damaged += _problem(lambda: _require_right_table(store))
    for image_id in track(ids, len(ids)):
        for name, array in images.items():
            if array.optional and not _has(store, image_id, name):
                continue
            arrays += 1
            damaged += _problem(lambda i=image_id, n=name: store.read(i, n))  # type: ignore[misc]
    for name in ROOT_ARRAYS.get(store.kind, {}):
        arrays += 1
        damaged += _problem(lambda n=name: store.read_root(n))  # type: ignore[misc]
    if not damaged:
        yield Property("checksums", "right", f"all {arrays} arrays were read")
        return
    yield Property("checksums", "wrong", f"{len(damaged)} of {arrays} arrays")
    yield Property("damaged", damaged[:MAX_LISTED])
    raise ContaError(
        f"{store.path}: {len(damaged)} of {arrays} arrays cannot be read, expected all; {MEND}"
    )


def _require_right_table(store: StoreReader) -> None:
    """Raise ContaError unless the store's table of sizes is that of its images."""
    table, images = store.size_counts(), Counter(map(store.size, store.image_ids))
    if table != images:
        wrong = sorted((table - images) | (images - table))
        raise ContaError(
            f"{store.path}: its table of sizes counts {table.total()} images, {images.total()} are "
            f"there, and other counts at {wrong[:5]} (height, width); {MEND}"
        )


def _has(store: StoreReader, image_id: str, name: str) -> bool:
    """Whether an array is to be read: of a damaged image it is, so that the damage is told."""
    try:
        return store.has(image_id, name)
    except ContaError:
        return True


def _problem(read: Callable[[], Any]) -> list[str]:
    try:
        read()
    except ContaError as error:
        return [str(error)]
    return []
