"""Model files: safetensors with the architecture in their metadata. Nothing is unpickled."""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field, TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from typing_extensions import TypedDict

from conta_core.errors import ContaError
from conta_core.storage.atomic import replace_when_done
from conta_core.storage.json_files import parse_json, require_layout

#: a label image holds 0 for the background and 255 for what is ignored
MAX_CLASSES = 254
FORMAT = "conta-model"
BACKBONE_FORMAT = "conta-backbone"
FORMAT_VERSION = 2
CHANGED = "its checksum is wrong: its bytes changed since it was written"
#: what safetensors raises on damaged bytes
READING_ERRORS = (
    OSError, SafetensorError, ValueError, KeyError, TypeError, RuntimeError, OverflowError,
)  # fmt: skip


class _Description(TypedDict):
    format_version: int
    kind: str
    classes: Annotated[list[str], Field(max_length=MAX_CLASSES)]
    architecture: dict[str, Any]
    tensors: int


_DESCRIPTION = TypeAdapter(_Description)


def save_model(
    path: str | os.PathLike[str],
    model: nn.Module,
    kind: str,
    classes: Sequence[str],
    architecture: Mapping[str, Any],
) -> None:
    """Write a model's tensors and what is needed to build it again.

    Args:
        path: of the .safetensors file.
        model: the module.
        kind: of the model, such as ``cam``, ``irn`` or ``deeplab``.
        classes: foreground class names.
        architecture: keyword arguments of the model's builder, plain values.
    """
    description = {
        "format_version": FORMAT_VERSION,
        "kind": kind,
        "classes": list(classes),
        "architecture": architecture,
        "tensors": _tensors_checksum(_tensors(model)),
    }
    description["checksum"] = _checksum(description)
    text = json.dumps(description, sort_keys=True)
    _write(path, model, {FORMAT: text})


def save_backbone(path: str | os.PathLike[str], backbone: nn.Module, names: Sequence[str]) -> None:
    """Write a backbone's tensors, for the key ``weights`` of a network.

    Args:
        path: of the .safetensors file.
        backbone: the module.
        names: the values of the key ``backbone`` that it fits.
    """
    _write(path, backbone, {BACKBONE_FORMAT: json.dumps(list(names))})


def _write(path: str | os.PathLike[str], module: nn.Module, metadata: dict[str, str]) -> None:
    """One key of metadata: several stand in random order, and the same model is the same file."""
    with replace_when_done(path) as temporary:
        save_file(_tensors(module), temporary, metadata=metadata)


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.contiguous().cpu() for name, value in module.state_dict().items()}


def _checksum(description: Mapping[str, Any]) -> int:
    """CRC-32 of what a model file says of itself."""
    return zlib.crc32(json.dumps(description, sort_keys=True).encode())


def _tensors_checksum(tensors: Mapping[str, Tensor]) -> int:
    """CRC-32 of the names, types, shapes and values of tensors."""
    value = 0
    for name, tensor in sorted(tensors.items()):
        value = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), value)
        value = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().tobytes(), value)
    return value


def read_metadata(path: str | os.PathLike[str]) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    """Kind, classes and architecture of a model file.

    Raises:
        ContaError: missing, cut off, or no model of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        if FORMAT not in metadata:
            raise ValueError(f"its metadata has {sorted(metadata)}, expected {FORMAT!r}")
        description = parse_json(metadata[FORMAT])
        version = description["format_version"]
        if version != FORMAT_VERSION:
            raise ValueError(f"its version is {version}, expected {FORMAT_VERSION}")
        checksum = description.pop("checksum")
        if checksum != _checksum(description):
            raise ValueError(CHANGED)
        require_layout(description, _DESCRIPTION)
        return description["kind"], tuple(description["classes"]), description["architecture"]
    except READING_ERRORS as error:
        raise ContaError(
            f"{path}: not a model file ({error}); delete it and train it again"
        ) from None


def read_backbone_names(path: str | os.PathLike[str]) -> tuple[str, ...] | None:
    """The values of ``backbone`` that a file of :func:`save_backbone` fits; None: it is no such.

    Raises:
        ContaError: missing, or no readable safetensors.
    """
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(BACKBONE_FORMAT)
        return None if text is None else tuple(str(name) for name in parse_json(text))
    except READING_ERRORS as error:
        raise ContaError(f"{path}: not a model file ({error}); name another") from None


def tensor_sizes(path: str | os.PathLike[str]) -> dict[str, int]:
    """How many numbers each tensor of a file has; none of them is read.

    Raises:
        ContaError: missing, or no readable safetensors.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: math.prod(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except READING_ERRORS as error:
        raise ContaError(f"{path}: not a model file ({error}); name another") from None


def check_model(path: str | os.PathLike[str]) -> None:
    """Read every tensor of a model file of ours and compare the checksum.

    Raises:
        ContaError: missing, no model of ours, or its bytes changed.
    """
    read_metadata(path)
    try:
        with safe_open(path, framework="pt") as file:
            description = (file.metadata() or {}).get(FORMAT)
        _verify(description, load_file(path))
    except READING_ERRORS as error:
        raise ContaError(f"{path}: {error}; delete it and train it again") from None


def load_tensors(model: nn.Module, path: Path, below: str = "") -> None:
    """Load a .safetensors file into a module, every key of both sides.

    Args:
        model: the module.
        path: of the file.
        below: of its tensors only those whose names begin so, under the rest of their names.

    Raises:
        ContaError: missing or cut off, or keys or shapes that do not fit, by name.
    """
    try:
        found = load_file(path)
        with safe_open(path, framework="pt") as file:
            description = (file.metadata() or {}).get(FORMAT)
    except READING_ERRORS as error:
        raise ContaError(
            f"{path}: cannot be read as safetensors ({error}); give another file"
        ) from None
    tensors = {k.removeprefix(below): value for k, value in found.items() if k.startswith(below)}
    own = model.state_dict()
    missing = sorted(set(own) - set(tensors))
    left_over = sorted(set(tensors) - set(own))
    misfit = [
        f"{name}: {tuple(tensors[name].shape)} for {tuple(own[name].shape)}"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    if missing or left_over or misfit:
        raise ContaError(
            f"{path}: does not fit {type(model).__name__}: missing {missing[:8]}, left over "
            f"{left_over[:8]}, other shapes {misfit[:8]}; use weights of the same architecture "
            "and classes"
        )
    try:
        _verify(description, found)
    except READING_ERRORS as error:
        raise ContaError(f"{path}: {error}; delete it and train it again") from None
    model.load_state_dict(tensors)


def _verify(text: str | None, tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError where the tensors of a model file of ours are not as they were written."""
    expected = parse_json(text)["tensors"] if text is not None else None
    if expected is not None and expected != _tensors_checksum(tensors):
        raise ValueError(CHANGED)


def require_classes(
    path: str | os.PathLike[str], found: Sequence[str], expected: Sequence[str]
) -> None:
    """Raise ContaError unless a model was trained for exactly these classes."""
    if tuple(found) != tuple(expected):
        raise ContaError(
            f"{path}: trained for the classes {list(found)}, but the manifest has "
            f"{list(expected)}; train it again or restore dataset.classes"
        )
