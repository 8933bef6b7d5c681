"""The forms in which other programs keep the CAMs of an image.

========================  ========================================================================
IRNet, ReCAM and others   ``{keys, cam, high_res}``: class indices, maps on the stride-4 grid, maps
                          at full size
CLIP-ES                   ``{keys, attn_highres}``: class indices, maps at full size
SEAM, AffinityNet         ``{class index: map at full size}``
========================  ========================================================================

Class indices begin with 0 for the first class; the background has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from conta_core.storage.foreign.limits import RefusedError

#: names of the maps at full size
FULL_SIZE = ("high_res", "attn_highres")
EXPECTED = (
    "expected {keys, cam, high_res} as IRNet has them, {keys, attn_highres} as CLIP-ES does, or "
    "{class index: map} as SEAM does"
)


@dataclass(frozen=True)
class ForeignMaps:
    """The maps of a file, checked for no more than their form.

    Attributes:
        keys: class indices, in the order of the maps.
        cam: (k, h, w), on the stride-4 grid; None: the file has none.
        high_res: (k, H, W), at full size; None: the file has none.
        clips: whether the program leaves values below 0 that count as 0.
    """

    keys: list[int]
    cam: np.ndarray | None
    high_res: np.ndarray | None
    clips: bool = False


def recognise(content: Any) -> ForeignMaps:
    """The maps of what :func:`~conta_core.storage.foreign.files.read_foreign` gives.

    Raises:
        RefusedError: it is of no form that is known; what it is, and what was expected.
    """
    if isinstance(content, Mapping) and set(content) == {"arr_0"}:  # np.savez of a dict
        content = content["arr_0"]
    if not isinstance(content, Mapping):
        raise RefusedError(f"it holds {_kind(content)}, {EXPECTED}")
    if "keys" in content:
        return _with_keys(content)
    maps = {_class_index(key): value for key, value in content.items()}
    return _by_class(maps)


def _with_keys(content: Mapping[Any, Any]) -> ForeignMaps:
    full = [name for name in FULL_SIZE if name in content]
    if len(full) > 1:
        raise RefusedError(f"it has both {full[0]} and {full[1]}, expected one of them")
    if not full and "cam" not in content:
        names = ", ".join(str(name)[:20] for name in list(content)[:8])
        raise RefusedError(f"it has no maps beside its keys but {names}; {EXPECTED}")
    keys = _keys(content["keys"])
    cam = _maps("cam", content["cam"], keys) if "cam" in content else None
    high_res = _maps(full[0], content[full[0]], keys) if full else None
    return ForeignMaps(keys, cam, high_res)


def _by_class(maps: Mapping[int, Any]) -> ForeignMaps:
    for key, value in maps.items():
        if not isinstance(value, np.ndarray) or value.ndim != 2:
            raise RefusedError(f"of class {key} it has {_kind(value)}, expected a map (H, W)")
    if len({value.shape for value in maps.values()}) > 1:
        raise RefusedError("its maps are of several sizes, expected one")
    stacked = np.stack(list(maps.values())) if maps else None
    # SEAM's own code leaves values below 0 where a map has its minimum
    return ForeignMaps(list(maps), None, stacked, clips=True)


def _keys(value: Any) -> list[int]:
    """Class indices, of an array, a tensor or a list."""
    array = np.asarray(value) if isinstance(value, list | tuple) else value
    # torch makes an empty list a tensor of floats
    fits = isinstance(array, np.ndarray) and (array.dtype.kind in "iu" or not array.size)
    if not fits or array.ndim != 1:
        raise RefusedError(f"its keys are {_kind(value)}, expected whole numbers (k,)")
    return [int(key) for key in array]


def _maps(name: str, value: Any, keys: list[int]) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.ndim != 3:
        raise RefusedError(f"its {name} is {_kind(value)}, expected an array (k, height, width)")
    if len(value) != len(keys):
        raise RefusedError(f"it has {len(keys)} keys but {len(value)} maps in {name}")
    return value


def _class_index(key: Any) -> int:
    """A key of a dict of maps: a number, or (in .npz files) its digits."""
    if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 4:
        return int(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return key
    what = repr(key[:20]) if isinstance(key, str) else f"a {type(key).__name__}"
    raise RefusedError(f"it has the key {what}, {EXPECTED}")


def _kind(value: Any) -> str:
    """What a value is, in words."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} and shape {value.shape}"
    return f"a {type(value).__name__}"
