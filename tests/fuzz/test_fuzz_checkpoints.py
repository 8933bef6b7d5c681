"""Training checkpoints, and checkpoints of other codes."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from fuzzing import altered, fuzz, mutated, reads_or_refuses, refuses_or_reads_file
from hypothesis import given
from safetensors.torch import save
from torch import nn

from conta_core.tools.importing.checkpoint import read_checkpoint
from conta_core.training.checkpoint import Checkpoint

pytestmark = pytest.mark.slow


def parts(seed: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    module = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    module(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return {"module": module, "optimizer": optimizer}


def saved(values: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(values, stream)
    return stream.getvalue()


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, Any]]:
    path = tmp_path_factory.mktemp("valid") / "training.pt"
    original = parts(0)
    Checkpoint(str(path), "key").save(7, original, {"losses": [1.5]})
    return path.read_bytes(), original


def test_damaged_training_states(
    tmp_path: Path, training: tuple[bytes, dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    """It goes on to the same bits, or begins anew: never from damaged numbers."""
    caplog.set_level(logging.ERROR)
    data, original = training
    restored = parts(1)
    expected = saved({name: part.state_dict() for name, part in original.items()})
    path = tmp_path / "training.pt"

    @fuzz
    @given(data=mutated(data))
    def check(data: bytes) -> None:
        path.write_bytes(data)
        with reads_or_refuses():
            step, training_log = Checkpoint(str(path), "key").restore(restored)
            if step:
                assert (step, training_log) == (7, {"losses": [1.5]})
                found = {name: part.state_dict() for name, part in restored.items()}
                assert saved(found) == expected

    check()


def test_training_states_with_other_values(
    tmp_path: Path, training: tuple[bytes, dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    state = torch.load(io.BytesIO(training[0]), weights_only=True)
    path = tmp_path / "training.pt"

    @fuzz
    @given(values=altered(state))
    def check(values: Any) -> None:
        path.write_bytes(saved(values))
        with reads_or_refuses():
            Checkpoint(str(path), "key").restore(parts(1))

    check()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_checkpoints_of_others(tmp_path: Path, ending: str) -> None:
    state = nn.Linear(3, 2).state_dict()
    old = io.BytesIO()
    torch.save(state, old, _use_new_zipfile_serialization=False)
    valid = [saved(state), old.getvalue()] if ending == "pth" else [save(state)]

    @fuzz
    @given(data=mutated(*valid))
    def check(data: bytes) -> None:
        refuses_or_reads_file(tmp_path / f"weights.{ending}", data, read_checkpoint)

    check()
