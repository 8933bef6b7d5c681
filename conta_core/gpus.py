"""How many GPUs there are and how many a job asked for, told without torch: the rules ask too."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

#: seconds that the driver may take to list its GPUs
PATIENCE = 60


def count_visible_gpus() -> int:
    """NVIDIA GPUs of this machine that ``CUDA_VISIBLE_DEVICES`` lets a process see."""
    if shutil.which("nvidia-smi") is None:
        return 0
    try:
        done = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    present = sum(line.startswith("GPU ") for line in done.stdout.splitlines())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return present
    named = [name for name in visible.split(",") if name.strip() not in ("", "-1")]
    return min(present, len(named))


def count_asked_gpus(resources: Mapping[str, Any]) -> int:
    """GPUs that a job asked for: its resource ``gpu``, else what SLURM's ``gres`` names.

    Args:
        resources: of the job. ``gres`` is ``gpu``, ``gpu:4`` or ``gpu:a100:4``.

    Returns:
        The number; 1 where nothing is asked for.
    """
    if resources.get("gpu"):
        return int(resources["gpu"])
    name, _, rest = str(resources.get("gres", "")).partition(":")
    last = rest.rpartition(":")[2]
    return int(last) if name == "gpu" and last.isdigit() else 1
