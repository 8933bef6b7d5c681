from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from conta_core.errors import ContaError
from conta_core.tools.importing.checkpoint import read_checkpoint

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.count": torch.tensor(4)}


class Touch:
    """A pickle of this makes a file when it is loaded without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def refused(path: Path) -> str:
    with pytest.raises(ContaError) as raised:
        read_checkpoint(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("new.pth", torch.save),
        ("old.pth", lambda x, path: torch.save(x, path, _use_new_zipfile_serialization=False)),
        ("file.safetensors", save_file),
    ],
)
def test_what_is_read(tmp_path: Path, name: str, save: Callable[..., None]) -> None:
    save(TENSORS, tmp_path / name)
    found = read_checkpoint(tmp_path / name)
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[key], TENSORS[key]) for key in TENSORS)


def test_a_state_dict_of_parameters(tmp_path: Path) -> None:
    torch.save(dict(nn.Linear(2, 3).named_parameters()), tmp_path / "a.pth")
    assert not any(tensor.requires_grad for tensor in read_checkpoint(tmp_path / "a.pth").values())


def test_a_missing_file(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "missing.pth")
    assert "no such file" in refused(tmp_path)


@pytest.mark.parametrize("code", [b"", b"<!DOCTYPE html>", b"\x89PNG\r\n", b"{}", b"a,b\n1,2"])
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_no_checkpoint(tmp_path: Path, name: str, code: bytes) -> None:
    (tmp_path / name).write_bytes(code)
    refused(tmp_path / name)


def test_a_file_cut_off(tmp_path: Path) -> None:
    for name, save in (("a.pth", torch.save), ("a.safetensors", save_file)):
        path = tmp_path / name
        save(TENSORS, path)  # type: ignore[operator]
        path.write_bytes(path.read_bytes()[:-40])
        refused(path)


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    trap, path = tmp_path / "made", tmp_path / "a.pth"
    for write in (torch.save, lambda x, p: p.write_bytes(pickle.dumps(x, protocol=2))):
        write({"a.weight": torch.zeros(1), "b": Touch(trap)}, path)
        assert "holds code, which is not run" in refused(path)
        assert not trap.exists()


def test_a_whole_module_is_code(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 3), tmp_path / "a.pth")
    assert "holds code" in refused(tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([torch.zeros(1)], "a list, expected a state dict"),
        ({}, "a dict, expected a state dict"),
        (torch.zeros(1), "a Tensor, expected a state dict"),
        ({"state_dict": TENSORS, "epoch": 3}, "it holds ['state_dict', 'epoch']"),
        ({3: torch.zeros(1)}, "expected a plain state dict"),
    ],
)
def test_more_or_less_than_tensors_by_name(tmp_path: Path, content: Any, expected: str) -> None:
    torch.save(content, tmp_path / "a.pth")
    assert expected in refused(tmp_path / "a.pth")
