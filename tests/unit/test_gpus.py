"""What is said of GPUs without torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conta_core.gpus import count_asked_gpus, count_visible_gpus


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Maker of an nvidia-smi that is the only command there is."""

    def make(script: str) -> None:
        command = tmp_path / "nvidia-smi"
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    return make


TWO = "echo 'GPU 0: A (UUID: x)'\necho '  MIG 1g.5gb'\necho 'GPU 1: A (UUID: y)'"


@pytest.mark.parametrize(
    ("visible", "count"),
    [(None, 2), ("", 0), ("-1", 0), ("1", 1), ("0,1", 2), ("0,1,2,3", 2), ("GPU-x", 1)],
)
def test_visible_gpus(
    driver: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    visible: str | None,
    count: int,
) -> None:
    driver(TWO)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert count_visible_gpus() == count


def test_a_driver_that_fails_has_no_gpus(driver: Callable[[str], None]) -> None:
    driver("echo 'NVIDIA-SMI has failed because ...'; exit 9")
    assert count_visible_gpus() == 0


def test_no_driver_no_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert count_visible_gpus() == 0


@pytest.mark.parametrize(
    ("resources", "count"),
    [
        ({}, 1),
        ({"gpu": 4}, 4),
        ({"gpu": 0}, 1),
        ({"gpu": 0, "gres": "gpu:4"}, 4),
        ({"gpu": 0, "gres": "gpu:a100:2"}, 2),
        ({"gpu": 0, "gres": "gpu"}, 1),
        ({"gres": "tmpdisk:100"}, 1),
    ],
)
def test_asked_gpus(resources: dict[str, object], count: int) -> None:
    assert count_asked_gpus(resources) == count
