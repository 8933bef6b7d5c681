"""What the profiles make of the rules' resources, without running a stage that takes long."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from gpu_rules import GPU_RULES
from tiny_runs import REPOSITORY, reduced

TARGET = "results/conta/context_shapes"


def rules() -> dict[str, str]:
    """Rule -> its text."""
    texts = [path.read_text() for path in sorted((REPOSITORY / "rules").glob("*.smk"))]
    parts = re.split(r"^rule ", "\n".join(texts), flags=re.M)[1:]
    return {part.partition(":")[0]: part for part in parts}


def snakemake(
    directory: Path,
    *options: str,
    gpus: int = 0,
    targets: Sequence[str] = (TARGET,),
    config: dict[str, Any] | None = None,
) -> str:
    """The output of Snakemake, on a machine with so many GPUs."""
    commands = directory / "commands"
    commands.mkdir()
    if gpus:
        driver = commands / "nvidia-smi"
        driver.write_text("#!/bin/sh\n" + "echo 'GPU 0: pretended'\n" * gpus)
        driver.chmod(0o755)
    file = directory / "config.yaml"
    file.write_text(yaml.safe_dump(reduced() if config is None else config))
    environment = {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    words = ["-s", str(REPOSITORY / "Snakefile"), "--directory", str(directory), *options]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *targets, *words, "--configfile", str(file)],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_every_rule_states_memory_and_time_and_only_gpu_stages_a_gpu() -> None:
    for rule, text in rules().items():
        assert re.search(r"^ {8}mem_mb=grow\(\d+\),$", text, re.M), rule
        assert re.search(r"^ {8}runtime=grow\(\d+\),$", text, re.M), rule
        uses = rule in GPU_RULES
        assert bool(re.search(r"^ {8}gpu=1,$", text, re.M)) == uses, rule


def test_gpu_jobs_of_a_workstation_wait_for_its_gpus(tmp_path: Path) -> None:
    output = snakemake(tmp_path, "--cores", "2", gpus=2)
    assert re.search(r"^Provided resources: gpu=.*\b2\b", output, re.M), output


def test_the_command_line_may_say_how_many_gpus_there_are(tmp_path: Path) -> None:
    output = snakemake(tmp_path, "--cores", "2", "--resources", "gpu=1", gpus=2)
    assert re.search(r"^Provided resources: gpu=.*\b1\b", output, re.M), output


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine may have a GPU")
def test_without_a_gpu_nothing_waits(tmp_path: Path) -> None:
    assert "Provided resources" not in snakemake(tmp_path, "--cores", "2")


def test_slurm_profile_is_understood(tmp_path: Path) -> None:
    """Also where there is no SLURM: a dry run submits nothing."""
    profile = str(REPOSITORY / "profiles" / "slurm")
    assert "make_context_shapes" in snakemake(tmp_path, "-n", "--profile", profile, gpus=2)


def test_the_scheduler_looks_only_when_a_job_ended(tmp_path: Path) -> None:
    """Snakemake's default limit would have it look every second at what waits."""
    targets = [f"results/{name}/context_shapes" for name in "abc"]
    config = {**reduced(), "runs": {name: {} for name in "abc"}}
    output = snakemake(tmp_path, "--cores", "1", "--verbose", targets=targets, config=config)
    # one job at a time: a look at the start, and one after each but the last
    assert output.count("Ready jobs") <= len(targets)
