"""Reading another code's checkpoint: tensors by name, and nothing else."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from conta_core.errors import ContaError
from conta_core.storage.model_files import READING_ERRORS


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The state dict of a checkpoint, on the CPU.

    Args:
        path: of a .safetensors file, or of what ``torch.save`` wrote. Code in a pickle is never
            run: only tensors and plain containers are read.

    Raises:
        ContaError: missing, no checkpoint, one that holds code, or more than tensors by name.
    """
    if not path.is_file():
        raise ContaError(f"{path}: no such file; name the checkpoint to convert")
    loaded = _load_safetensors(path) if path.suffix == ".safetensors" else _load_torch(path)
    if not isinstance(loaded, Mapping) or not loaded:
        raise ContaError(
            f"{path}: holds a {type(loaded).__name__}, expected a state dict (tensors by name); "
            "save the model's state_dict() and convert that"
        )
    others = [key for key, value in loaded.items() if not isinstance(value, Tensor)]
    if others or not all(isinstance(key, str) for key in loaded):
        raise ContaError(
            f"{path}: beside tensors by name it holds {[str(key) for key in others[:8]]}, expected "
            "a plain state dict; save the part that holds the weights and convert that"
        )
    return {key: value.detach() for key, value in loaded.items()}


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except READING_ERRORS as error:
        raise ContaError(
            f"{path}: cannot be read as safetensors ({error}); download it again"
        ) from None


def _load_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ContaError(
            f"{path}: not a checkpoint of tensors alone, or one that holds code, which is not run "
            f"({_first_line(error)}); give a file that holds a plain state dict"
        ) from None
    except Exception as error:  # on other files the unpickler fails in every way there is
        raise ContaError(
            f"{path}: not a checkpoint ({type(error).__name__}: {_first_line(error)}); download it "
            "again, or give another file"
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:120]
