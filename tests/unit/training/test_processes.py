"""Two processes on one batch give what one process gives."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from toy import COUNT, train_toy

from conta_core.errors import ContaError
from conta_core.settings import TrainingSettings


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 4},
        {"batch_size": 3, "views": 2},
        {"batch_size": 2, "accumulate": 3, "gradient_clip": 0.5},
        # the last pass of an epoch has one image for two processes
        {"batch_size": COUNT - 1},
    ],
    ids=["plain", "cached", "accumulated", "more processes than images"],
)
def test_two_processes_and_one(options: dict[str, Any], tmp_path: Path) -> None:
    settings = TrainingSettings(epochs=3, **options)
    for count in (1, 2):
        train_toy(output=str(tmp_path / str(count)), settings=settings, processes=count)
    one, two = load_file(tmp_path / "1"), load_file(tmp_path / "2")
    for name, expected in one.items():
        torch.testing.assert_close(two[name], expected, rtol=1e-5, atol=1e-6)


def test_a_failure_in_both(tmp_path: Path) -> None:
    """The images of the whole batch are named, and the processes end."""
    with pytest.raises(ContaError, match=r"the loss is nan at step 0 .*'image 5'"):
        train_toy(
            output=str(tmp_path / "model"),
            settings=TrainingSettings(epochs=1, batch_size=COUNT),
            broken=5,
            processes=2,
        )
    assert not (tmp_path / "model").exists()


def test_only_the_first_writes_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="conta_core")
    train_toy(
        output=str(tmp_path / "model"),
        settings=TrainingSettings(epochs=1, batch_size=4),
        processes=2,
    )
    assert sum("epoch 1" in record.getMessage() for record in caplog.records) == 1
