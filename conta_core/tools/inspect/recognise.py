"""Which kind of file of the workflow's a path is, by its content."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Any

from conta_core.errors import ContaError
from conta_core.runtime.nearest import did_you_mean
from conta_core.workflow.stages import ROUND_FILES

_HDF5 = b"\x89HDF\r\n\x1a\n"
#: of :data:`conta_core.storage.stores.parts.MAGIC`, in any version
_PART = b"conta-part "
#: a safetensors file begins with 8 bytes of length and the brace of its JSON
_LENGTH = 8


class FileKind(StrEnum):
    """The kinds of file, and of folder, that the workflow writes."""

    STORE = "store"
    PART = "part of a store"
    MODEL = "model"
    MANIFEST = "manifest"
    SCORES = "scores"
    RELIANCE = "reliance"
    SUMMARY = "summary"
    MASKS = "folder of masks"
    ROUND = "round"
    RUN = "run"


#: what stands in the folder of a round
_ROUND_FOLDERS = {file.split("/")[0] for file in ROUND_FILES.values()}


def recognise(path: str | os.PathLike[str]) -> FileKind:
    """The kind of a file or folder.

    Raises:
        ContaError: there is none, or it is nothing that the workflow writes.
    """
    path = Path(path)
    if path.is_dir():
        return _folder_kind(path)
    try:
        with open(path, "rb") as stream:
            start = stream.read(len(_PART))
    except FileNotFoundError:
        raise ContaError(f"{path}: no such file{_suggestion(path)}") from None
    except OSError as error:
        raise ContaError(f"{path}: cannot be read ({error.strerror}); name a file") from None
    if start.startswith(_HDF5):
        return FileKind.STORE
    if start == _PART:
        return FileKind.PART
    if path.suffix == ".safetensors" or start[_LENGTH : _LENGTH + 1] == b"{":
        return FileKind.MODEL
    if start.lstrip()[:1] == b"{" or path.suffix == ".json":
        return _json_kind(path)
    if path.suffix == ".h5":
        size = path.stat().st_size
        raise ContaError(
            f"{path}: no store: it does not begin as an HDF5 file ({size:,} bytes); delete it and "
            "let the workflow make it again"
        )
    raise ContaError(f"{path}: nothing that the workflow writes; {_EXPECTED}")


_EXPECTED = (
    "name a store (.h5), a model (.safetensors), dataset.json, a scores json, summary.json or a "
    "pseudo_masks folder"
)


def _json_kind(path: Path) -> FileKind:
    # only here: a store must not wait for what reads the JSON files
    from conta_core.data.manifest import FORMAT as MANIFEST
    from conta_core.evaluation.reliance import FORMAT as RELIANCE
    from conta_core.evaluation.scores.score_files import FORMAT as SCORES
    from conta_core.evaluation.summary import FORMAT as SUMMARY
    from conta_core.storage.json_files import read_json

    kinds = {
        MANIFEST: FileKind.MANIFEST,
        SCORES: FileKind.SCORES,
        RELIANCE: FileKind.RELIANCE,
        SUMMARY: FileKind.SUMMARY,
    }
    try:
        content: Any = read_json(path)
    except (OSError, ValueError) as error:
        raise ContaError(f"{path}: no readable JSON ({error}); {_EXPECTED}") from None
    found = content.get("format") if isinstance(content, dict) else None
    if found not in kinds:
        raise ContaError(
            f"{path}: its format is {found!r}, expected one of {', '.join(kinds)}; {_EXPECTED}"
        )
    return kinds[found]


def _folder_kind(path: Path) -> FileKind:
    names = {entry.name for entry in path.iterdir()}
    if any(name.endswith(".png") for name in names):
        return FileKind.MASKS
    if "dataset.json" in names or "summary.json" in names or "round-0" in names:
        return FileKind.RUN
    if names.intersection(_ROUND_FOLDERS):
        return FileKind.ROUND
    raise ContaError(f"{path}: a folder without masks or a run in it; {_EXPECTED}")


def _suggestion(path: Path) -> str:
    """Which file may have been meant."""
    try:
        there = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f"; there is no folder {path.parent} either"
    return did_you_mean(path.name, there, _EXPECTED, path.parent)
