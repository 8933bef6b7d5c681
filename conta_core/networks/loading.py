"""From a model file to the ready module."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from conta_core.errors import ContaError
from conta_core.storage.model_files import load_tensors, read_metadata, require_classes

Network = TypeVar("Network", bound=nn.Module)


def load_network(
    path: str | os.PathLike[str],
    kind: str,
    build: Callable[[int, dict[str, Any]], Network],
    classes: Sequence[str] | None = None,
) -> Network:
    """The module of a model file, in evaluation mode, on the CPU.

    Args:
        path: of the .safetensors file.
        kind: that it must be of, such as ``cam``, ``irn`` or ``deeplab``.
        build: makes the module from the number of classes and the stored architecture.
        classes: what it must have been trained for; None: whatever it was.

    Raises:
        ContaError: no model file, of another kind, for other classes, or cut off.
    """
    found, trained_for, architecture = read_metadata(path)
    if found != kind:
        raise ContaError(f"{path}: a model of kind {found!r}, expected {kind!r}; name another file")
    if classes is not None:
        require_classes(path, trained_for, classes)
    try:
        model = build(len(trained_for), architecture)
    except ContaError as error:
        raise ContaError(f"{path}: its architecture {architecture}: {error}") from None
    except Exception as error:  # what the builders do not check, each network refuses its own way
        raise ContaError(
            f"{path}: a model of kind {kind!r} cannot be built from its architecture "
            f"{architecture} ({type(error).__name__}: {error}); train it again"
        ) from None
    load_tensors(model, Path(path))
    return model.eval()
