"""Tensors as torch writes them: .pt files, and tensors in pickles. torch itself is not needed."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from conta_core.storage.foreign.limits import Budget, RefusedError
from conta_core.storage.foreign.numpy_arrays import numpy_names, require_shape
from conta_core.storage.foreign.pickle_machine import run_pickle
from conta_core.storage.foreign.plain_values import Maker, Name, Names
from conta_core.storage.foreign.zip_files import read_member

#: torch's name of a kind of storage -> its numbers
_STORAGES: dict[str, np.dtype] = {
    "torch.FloatStorage": np.dtype("<f4"),
    "torch.DoubleStorage": np.dtype("<f8"),
    "torch.HalfStorage": np.dtype("<f2"),
    "torch.LongStorage": np.dtype("<i8"),
    "torch.IntStorage": np.dtype("<i4"),
    "torch.ShortStorage": np.dtype("<i2"),
    "torch.CharStorage": np.dtype("i1"),
    "torch.ByteStorage": np.dtype("u1"),
    "torch.BoolStorage": np.dtype("?"),
}
#: what the older files begin with, and their only version
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
#: gives the numbers of a storage by its key, type and count
FindStorage = Callable[[str, np.dtype, int], np.ndarray]


def torch_names(budget: Budget) -> Names:
    """What pickles of arrays and tensors name; tensors in .npy files have their storage in bytes.

    Args:
        budget: of the file.
    """
    names = _names(budget)

    def load_from_bytes(content: Any) -> np.ndarray:
        if not isinstance(content, bytes):
            raise RefusedError(f"it has a {type(content).__name__} in the place of a storage")
        # a storage in bytes holds no further one
        return _require_storage(_read_old(content, names, budget))

    return {**names, "torch.storage._load_from_bytes": load_from_bytes}


def read_pt(content: bytes, budget: Budget) -> Any:
    """The value of a file that ``torch.save`` wrote, in its newer form (a zip) or the older one.

    Args:
        content: of the file.
        budget: of the file.

    Raises:
        RefusedError: it is of neither form, or holds what is not read.
    """
    names = torch_names(budget)
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return _read_old(content, names, budget)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        pickles = [n for n in archive.namelist() if n.count("/") == 1 and n.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise RefusedError("it is a zip without the one data.pkl that torch.save writes")
        folder = pickles[0].removesuffix("data.pkl")
        order = f"{folder}byteorder"
        if order in archive.namelist():
            _require_little_endian(read_member(archive, order, budget) == b"little")

        def find(key: str, dtype: np.dtype, count: int) -> np.ndarray:
            return _numbers(read_member(archive, f"{folder}data/{key}", budget), dtype, count)

        stream = io.BytesIO(read_member(archive, pickles[0], budget))
        return run_pickle(stream, names, budget, _by_persistent_id(find))


def _names(budget: Budget) -> Names:
    """Without what reads a storage in bytes."""
    made: dict[str, Maker | None] = {**numpy_names(budget)}
    made.update(dict.fromkeys(_STORAGES))
    made["collections.OrderedDict"] = _no_hooks
    for version in ("", "_v2"):
        made[f"torch._utils._rebuild_tensor{version}"] = _rebuild
    return made


def _read_old(content: bytes, names: Names, budget: Budget) -> Any:
    """The value of a file of several pickles, after which the numbers of all storages stand."""
    stream = io.BytesIO(content)
    begin = [run_pickle(stream, {}, budget) for _ in range(2)]
    if begin != [_MAGIC_NUMBER, _PROTOCOL]:
        raise RefusedError("it does not begin as a file of torch.save")
    system = run_pickle(stream, {}, budget)
    _require_little_endian(isinstance(system, dict) and system.get("little_endian") is True)
    storages: dict[str, np.ndarray] = {}

    def find(key: str, dtype: np.dtype, count: int) -> np.ndarray:
        if key not in storages:
            budget.take_bytes(count * dtype.itemsize, "a tensor")
            storages[key] = np.zeros(count, dtype)
        return storages[key]

    value = run_pickle(stream, names, budget, _by_persistent_id(find))
    keys = run_pickle(stream, {}, budget)
    if keys != list(storages) and (not isinstance(keys, list) or set(keys) != set(storages)):
        raise RefusedError("its list of storages is not that of its tensors")
    for key in keys:
        numbers = storages[key]
        stream.read(8)  # their count, which the tensors have named already
        numbers[:] = _numbers(stream.read(numbers.nbytes), numbers.dtype, len(numbers))
    return value


def _by_persistent_id(find: FindStorage) -> Maker:
    """What finds the storage of a persistent id of torch."""

    def storage(given: Any) -> np.ndarray:
        if not isinstance(given, tuple) or len(given) not in (5, 6) or given[0] != "storage":
            raise RefusedError("it refers to something else than a tensor's storage")
        _, kind, key, _, count = given[:5]
        if given[5:] not in ((), (None,)):
            raise RefusedError("it has a storage that is a part of another one")
        dtype = _STORAGES.get(kind.name) if isinstance(kind, Name) else None
        if dtype is None or not isinstance(key, str) or type(count) is not int or count < 0:
            raise RefusedError("it has a storage without a known type, key and count")
        return find(key, dtype, count)

    return storage


def _rebuild(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> np.ndarray:
    """A tensor over its storage, which is not copied."""
    numbers = _require_storage(storage)
    require_shape(size)
    require_shape(stride)
    if type(offset) is not int or offset < 0 or len(size) != len(stride):
        raise RefusedError("it has a tensor whose size and stride do not fit together")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    count = math.prod(size)
    if count > len(numbers) or (count and last >= len(numbers)):
        raise RefusedError(
            f"a tensor declares {count:,} numbers up to number {last:,}, but {len(numbers):,} are "
            "there"
        )
    if not count:
        return np.zeros(size, numbers.dtype)
    steps = [step * numbers.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(numbers[offset:], size, steps, writeable=False)


def _no_hooks() -> dict[Any, Any]:
    """What torch writes for a tensor without hooks."""
    return {}


def _numbers(content: bytes, dtype: np.dtype, count: int) -> np.ndarray:
    if len(content) != count * dtype.itemsize:
        raise RefusedError(
            f"a tensor declares {count * dtype.itemsize:,} bytes, but {len(content):,} are there"
        )
    return np.frombuffer(content, dtype)


def _require_storage(value: Any) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.ndim != 1:
        raise RefusedError(f"it has a {type(value).__name__} in the place of a storage")
    return value


def _require_little_endian(is_little: bool) -> None:
    if not is_little:
        raise RefusedError("its numbers are big-endian, expected little-endian ones")
