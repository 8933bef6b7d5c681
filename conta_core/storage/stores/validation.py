"""What a store may hold: plain arrays and short attributes that lie in the file itself.

HDF5 can do more: links and arrays whose data lie in other files, references, filters that
load code, sizes that no file has. A store of ours has none of it, so a reader refuses it, before
it follows a link or takes memory. The errors here are OSErrors and name the part; the reader of
a store adds its file and the mend.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5o, h5s, h5z

#: of one array in memory: the high-resolution CAMs of 20 tags on 100 megapixels
MAX_ARRAY_BYTES = 8 * 2**30
#: deflate shrinks no further (zlib's documentation), so that a larger array was not stored
MAX_SHRINKING = 1032
#: text of an attribute: settings are a few hundred bytes, 254 class names a few thousand
MAX_ATTRIBUTE_BYTES = 2**20
#: filters of libhdf5 itself; others are loaded as plugins
FILTERS = frozenset({h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32})
#: version of the superblock from which HDF5 has a checksum for every part of a file's structure
SUPERBLOCK_VERSION = 3
#: what h5py raises on damaged bytes
READING_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError)
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def require_checked_structure(path: str | os.PathLike[str]) -> None:
    """Raise OSError unless an HDF5 file is of the kind whose structure has checksums.

    libhdf5 can loop for ever or crash on older kinds with damaged bytes, so it must not open them.
    """
    with open(path, "rb") as stream:
        start = stream.read(len(_SIGNATURE) + 1)
    if start[:-1] != _SIGNATURE:
        raise OSError("it does not begin as an HDF5 file")
    if start[-1] != SUPERBLOCK_VERSION:
        raise OSError(f"its superblock is of version {start[-1]}, expected {SUPERBLOCK_VERSION}")


def image_groups(file: h5py.File, wanted: Callable[[str], bool] = lambda _: True) -> Iterator[str]:
    """Names of the groups at the root, one by one; every link must be to an object of the file.

    Args:
        file: open for reading.
        wanted: by the name; what is not wanted is not looked at.

    Raises:
        OSError: another link, an unreadable name, or something else than a group or array.
    """
    for encoded in file.id:
        name = os.fsdecode(encoded)
        if not name.isprintable() or not name.isascii():
            raise OSError(f"{name!r} is no name of a group or array")
        if not wanted(name):
            continue
        _require_hard(file.id, encoded)
        found = h5o.open(file.id, encoded)
        if isinstance(found, h5g.GroupID):
            yield name
        elif not isinstance(found, h5d.DatasetID):
            raise OSError(f"{name} is neither a group nor an array")


def read_array(file: h5py.File, *names: str) -> np.ndarray:
    """An array, by the names of its group (if any) and itself.

    Raises:
        KeyError: it is not there.
        OSError: a link or its data lead out of the file, its type is no number, its size is
            absurd or its bytes are damaged.
    """
    where = "/".join(names)
    found = _open(file, *names)
    if not isinstance(found, h5d.DatasetID):
        raise OSError(f"{where} is no array")
    dtype = found.dtype
    _require_plain(found, dtype, where, file.id.get_filesize())
    values = np.empty(found.shape, dtype)
    if values.size:
        found.read(h5s.ALL, h5s.ALL, values)
    return values


def has_array(file: h5py.File, group: str, name: str) -> bool:
    """Whether a group has something of this name.

    Raises:
        KeyError: the group is not there.
        OSError: a link, or something else than a group.
    """
    found = _open(file, group)
    if not isinstance(found, h5g.GroupID):
        raise OSError(f"{group} is no group")
    return name.encode() in found


def read_attributes(file: h5py.File, *names: str) -> dict[str, Any]:
    """The attributes of the root, or of the group of that name: plain numbers, lists, text.

    Raises:
        KeyError: the group is not there.
        OSError: a link, or an attribute that is neither a number nor text of a fixed length.
    """
    item = _open(file, *names)
    return dict(_attribute(h5a.open(item, index=index)) for index in range(h5a.get_num_attrs(item)))


def read_readable_attributes(file: h5py.File) -> dict[str, Any]:
    """The attributes of the root, without those that :func:`read_attributes` refuses."""
    values = {}
    for index in range(h5a.get_num_attrs(file.id)):
        with contextlib.suppress(*READING_ERRORS):
            name, value = _attribute(h5a.open(file.id, index=index))
            values[name] = value
    return values


def _attribute(attribute: h5a.AttrID) -> tuple[str, Any]:
    name = os.fsdecode(attribute.name)
    dtype, shape = attribute.dtype, attribute.shape
    # text of variable length lies in a heap without checksums, on which libhdf5 can loop
    if dtype.kind not in "biufS":
        raise OSError(
            f"the attribute {name!r} is of type {dtype}, expected a number or text of fixed length"
        )
    size = math.prod(shape or ()) * dtype.itemsize
    if size > MAX_ATTRIBUTE_BYTES or size > max(attribute.get_storage_size(), 1):
        raise OSError(f"the attribute {name!r} declares {size} bytes")
    if shape is None:
        raise OSError(f"the attribute {name!r} has no shape, expected a value")
    value = np.empty(shape, dtype)
    if value.size:
        attribute.read(value)
    plain = value.tolist()
    return name, plain.decode("utf-8") if isinstance(plain, bytes) else plain


def _open(file: h5py.File, *names: str) -> h5py.h5i.ObjectID:
    """The object of these names, as HDF5 itself knows it: h5py's objects cost twice the time."""
    item: h5py.h5i.ObjectID = file.id
    for name in names:
        encoded = name.encode()
        if not isinstance(item, h5g.GroupID) or encoded not in item:
            raise KeyError(f"{'/'.join(names)} is not there")
        _require_hard(item, encoded)
        item = h5o.open(item, encoded)
    return item


def _require_hard(group: h5g.GroupID, name: bytes) -> None:
    kind = group.links.get_info(name).type
    if kind != h5py.h5l.TYPE_HARD:
        kinds = {h5py.h5l.TYPE_SOFT: "a soft", h5py.h5l.TYPE_EXTERNAL: "an external"}
        raise OSError(
            f"{os.fsdecode(name)} is {kinds.get(kind, 'a user-defined')} link, expected the object "
            "itself in this file"
        )


def _require_plain(array: h5d.DatasetID, dtype: np.dtype, where: str, file_size: int) -> None:
    if dtype.kind not in "biuf":
        raise OSError(f"{where} is of type {dtype}, expected numbers")
    properties = array.get_create_plist()
    layout = properties.get_layout()
    if properties.get_external_count() or layout == h5d.VIRTUAL:
        raise OSError(f"the data of {where} lie in another file, expected them in this one")
    filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
    if not filters <= FILTERS:
        raise OSError(f"{where} has the filters {sorted(filters - FILTERS)}, expected none or zlib")
    shape = array.shape
    if shape is None:
        raise OSError(f"{where} has no shape, expected an array")
    declared = math.prod(shape) * dtype.itemsize
    stored = min(array.get_storage_size(), file_size)
    factor = MAX_SHRINKING if h5z.FILTER_DEFLATE in filters else 1
    if declared > MAX_ARRAY_BYTES or declared > factor * stored:
        raise OSError(
            f"{where} declares {declared} bytes, but {stored} are stored; expected at most "
            f"{min(MAX_ARRAY_BYTES, factor * stored)}"
        )
    chunks = properties.get_chunk() if layout == h5d.CHUNKED else ()
    chunk = math.prod(chunks) * dtype.itemsize if chunks else 0
    if chunk > MAX_ARRAY_BYTES:
        raise OSError(f"{where} has chunks of {chunk} bytes, expected at most {MAX_ARRAY_BYTES}")
