"""What a store says of itself, also one that no reader takes: unfinished, old, damaged."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import h5py

from conta_core.errors import ContaError
from conta_core.storage.stores import validation
from conta_core.storage.stores.kinds import FORMAT_VERSION, IMAGE_ARRAYS

MEND = "delete it and let the workflow make it again"
_PREFIX = "conta-"
#: of attributes that hold json
_JSON = ("classes", "settings")


def read_store_attributes(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The root attributes of an HDF5 file, as far as they can be read; json is decoded.

    Raises:
        ContaError: no HDF5 file, cut off, or of a kind that is not opened (earlier versions).
    """
    try:
        validation.require_checked_structure(path)
        file = h5py.File(path, "r", locking=False)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        # a model or a photograph that was named by mistake is not to be deleted
        mend = MEND if Path(path).suffix == ".h5" else "expected a store (.h5)"
        raise ContaError(f"{path}: {_why_not_opened(Path(path), str(error))}; {mend}") from None
    with file:
        try:
            found = validation.read_readable_attributes(file)
        except validation.READING_ERRORS as error:
            raise ContaError(f"{path}: its structure cannot be read ({error}); {MEND}") from None
    for name in _JSON:
        try:
            found[name] = json.loads(found[name])
        except (KeyError, ValueError, TypeError, RecursionError):
            found.pop(name, None)
    return found


def store_kind(path: str | os.PathLike[str], attributes: dict[str, Any]) -> str:
    """The kind of store, a key of :data:`~conta_core.storage.stores.kinds.IMAGE_ARRAYS`.

    Raises:
        ContaError: the file is of somebody else.
    """
    found = attributes.get("format")
    kind = str(found).removeprefix(_PREFIX)
    if found != f"{_PREFIX}{kind}" or kind not in IMAGE_ARRAYS:
        known = ", ".join(_PREFIX + name for name in IMAGE_ARRAYS)
        raise ContaError(
            f"{path}: an HDF5 file, but no store of Conta: its format is {found!r}, expected one "
            f"of {known}; name the right file"
        )
    return kind


def _why_not_opened(path: Path, error: str) -> str:
    cut = re.search(r"truncated file: eof = (\d+).*stored_eof = (\d+)", error)
    if cut:
        return (
            f"a store that is cut off: it has {int(cut[1]):,} bytes, its header says "
            f"{int(cut[2]):,}"
        )
    if "superblock" in error and path.suffix == ".h5":
        return (
            f"an HDF5 file that is no store of format version {FORMAT_VERSION} ({error}): an "
            "earlier version of Conta made it, another program, or its bytes changed"
        )
    return f"cannot be opened as a store ({error})"
