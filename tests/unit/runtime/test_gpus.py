"""What is said of GPUs without torch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from conta_core.runtime.gpus import TAKEN, count_asked_gpus, count_visible_gpus


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


#: takes so many GPUs, says which it sees, and keeps them until its input ends
JOB = """
import os, sys
from conta_core.runtime.gpus import take_gpus
take_gpus(int(sys.argv[1]))
take_gpus(1)
print(os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def job(
    driver: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., object]:
    """Maker of a process that takes GPUs, on a machine with two."""
    driver(TWO)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in (TAKEN, "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)

    @contextmanager
    def start(count: int, **environment: str) -> Iterator[str]:
        with subprocess.Popen(
            [sys.executable, "-c", JOB, str(count)],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            yield process.stdout.readline().strip()

    return start


def test_jobs_at_a_time_take_a_gpu_each(job: Callable[..., ExitStack]) -> None:
    with job(1) as first:
        with job(1) as second, job(1) as third:
            assert (first, second, third) == ("0", "1", "None")
        with job(1) as fourth:
            assert fourth == "1"


def test_a_job_takes_several_gpus_or_leaves_all(job: Callable[..., ExitStack]) -> None:
    with job(2) as both:
        assert both == "0,1"
    with job(1), job(2) as too_many:
        assert too_many == "None"
    with job(4) as all_there_are:
        assert all_there_are == "0,1"


def test_gpus_are_taken_among_the_visible(job: Callable[..., ExitStack]) -> None:
    with job(1, CUDA_VISIBLE_DEVICES="5,7") as first, job(1, CUDA_VISIBLE_DEVICES="5,7") as second:
        assert (first, second) == ("5", "7")


def test_slurm_deals_its_gpus_out_itself(job: Callable[..., ExitStack]) -> None:
    with job(1, SLURM_JOB_ID="1", CUDA_VISIBLE_DEVICES="0,1") as devices:
        assert devices == "0,1"
