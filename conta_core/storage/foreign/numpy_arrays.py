"""Arrays as numpy writes them: .npy files, and arrays in pickles."""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from conta_core.storage.foreign.limits import Budget, RefusedError
from conta_core.storage.foreign.pickle_machine import Unfinished, run_pickle
from conta_core.storage.foreign.plain_values import Maker, Names, plain_names

#: bytes that lie somewhere
Buffer = bytes | bytearray | memoryview
_MAGIC = b"\x93NUMPY"
#: how numpy writes what an array is; nothing of it is evaluated
_HEADER = re.compile(
    rb"\{'descr': '([<>|=]?[bifuO]\d{0,2})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18}, ?)*\d{0,18})\), \} *\n"
)
#: signed, unsigned, float, bool; and numpy's name of "any object"
_DTYPE = re.compile(r"([<>|=]?)([iuf][1248]|b1|O8?)")
_MOST_AXES = 8


@dataclass(frozen=True)
class Dtype:
    """Type of an array's elements; None: objects."""

    numbers: np.dtype | None


def read_npy(content: bytes, names: Names, budget: Budget) -> Any:
    """The value of a .npy file: an array; or what one that holds objects has, such as a dict.

    Args:
        content: of the file.
        names: what a pickle in it may name.
        budget: of the file.

    Raises:
        RefusedError: it is no .npy file, or holds what is not read.
    """
    dtype, fortran, shape, rest = _split(content)
    if dtype.numbers is not None:
        return _array(shape, dtype, fortran, memoryview(content)[rest:])
    stream = io.BytesIO(content)
    stream.seek(rest)
    return run_pickle(stream, names, budget)


def numpy_names(budget: Budget) -> Names:
    """What pickles of arrays name."""

    def encode(text: Any, encoding: Any) -> bytes:
        # bytes as the older pickle versions write them
        if not isinstance(text, str) or encoding != "latin1":
            raise RefusedError("it has bytes in another form than pickle gives them")
        budget.take_bytes(len(text), "it")
        return text.encode("latin1")

    made: dict[str, Maker | None] = {
        **plain_names(),
        "numpy.ndarray": None,
        "numpy.dtype": _begin_dtype,
        "_codecs.encode": encode,
    }
    for core in ("core", "_core"):  # numpy 1 and 2
        made[f"numpy.{core}.multiarray._reconstruct"] = _begin_array
        made[f"numpy.{core}.multiarray.scalar"] = _scalar
        made[f"numpy.{core}.numeric._frombuffer"] = _of_buffer
    return made


def dtype_of(text: Any) -> Dtype:
    """The type of a name such as ``f4`` or ``<f4``."""
    found = _DTYPE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        what = repr(text[:20]) if isinstance(text, str) else f"a {type(text).__name__}"
        raise RefusedError(f"it has an array of type {what}, expected numbers")
    return Dtype(None if found[2].startswith("O") else np.dtype(text))


def _split(content: bytes) -> tuple[Dtype, bool, tuple[int, ...], int]:
    """Type, whether the first axis varies fastest, shape; and where the elements begin."""
    if not content.startswith(_MAGIC) or len(content) < 12:
        raise RefusedError("it does not begin as a .npy file")
    length = 2 if content[6] == 1 else 4
    begin = 8 + length
    end = begin + int.from_bytes(content[8:begin], "little")
    found = _HEADER.fullmatch(content[begin:end])
    if found is None:
        header = content[begin : min(end, begin + 80)]
        raise RefusedError(f"its header is {header!r}, expected an array of numbers or one object")
    shape = tuple(int(number) for number in found[3].replace(b" ", b"").split(b",") if number)
    return dtype_of(found[1].decode()), found[2] == b"True", shape, end


def _array(shape: tuple[int, ...], dtype: Dtype, fortran: bool, content: Buffer) -> np.ndarray:
    """An array over bytes that are there; nothing is copied."""
    assert dtype.numbers is not None
    require_shape(shape)
    declared = math.prod(shape) * dtype.numbers.itemsize
    if declared != len(content):
        raise RefusedError(
            f"an array of {_written(shape)} declares {declared:,} bytes, but {len(content):,} are "
            "there"
        )
    flat = np.frombuffer(content, dtype.numbers)
    return flat.reshape(shape, order="F" if fortran else "C")


def _begin_dtype(text: Any, *_: Any) -> Unfinished:
    dtype_of(text)

    def finish(version: Any, order: Any, *rest: Any) -> Dtype:
        if any(part is not None for part in rest[:3]) or order not in ("<", ">", "|", "="):
            raise RefusedError("it has an array of fields or of other arrays, expected numbers")
        return dtype_of(f"{order}{text.lstrip('<>|=')}")

    return Unfinished(finish)


def _begin_array(*_: Any) -> Unfinished:
    def finish(version: Any, shape: Any, dtype: Any, fortran: Any, content: Any) -> Any:
        found = _require_dtype(dtype)
        if found.numbers is not None:
            return _array(shape, found, fortran is True, _require_bytes(content))
        if shape not in ((), (1,)) or not isinstance(content, list) or len(content) != 1:
            raise RefusedError("it has an array of several objects, expected one dict")
        return content[0]

    return Unfinished(finish)


def _of_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    """An array as pickle's protocol 5 writes it."""
    found = _require_dtype(dtype)
    if found.numbers is None or order not in ("C", "F"):
        raise RefusedError("it has an array of objects, or in a strange order of axes")
    return _array(shape, found, order == "F", _require_bytes(content))


def _scalar(dtype: Any, content: Any) -> Any:
    """A number by itself, as plain Python has it."""
    found = _require_dtype(dtype)
    if found.numbers is None:
        raise RefusedError("it has an object in the place of a number")
    return _array((), found, False, _require_bytes(content)).item()


def _require_dtype(value: Any) -> Dtype:
    if not isinstance(value, Dtype):
        raise RefusedError(f"it has a {type(value).__name__} in the place of an array's type")
    return value


def _require_bytes(value: Any) -> Buffer:
    if not isinstance(value, bytes | bytearray):
        raise RefusedError(f"it has a {type(value).__name__} in the place of an array's elements")
    return value


def require_shape(shape: Any) -> None:
    """Raise RefusedError unless it is a tuple of a few lengths."""
    fits = isinstance(shape, tuple) and len(shape) <= _MOST_AXES
    if not fits or not all(type(n) is int and 0 <= n < 2**48 for n in shape):
        raise RefusedError("it has an array whose shape is no tuple of lengths")


def _written(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "no axes"
