"""Which GPUs there are, how many a job asked for, and whose they are; without torch.

The workflow's rules ask too, and torch takes seconds to import.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

#: seconds that the driver may take to list its GPUs
PATIENCE = 60
#: stands in the environment of a process that has taken its GPUs, and of its children
TAKEN = "CONTA_GPUS_TAKEN"
#: locked files, one a GPU that this process has taken
_LOCKS: list[IO[str]] = []


def take_gpus(count: int) -> None:
    """Let this process see so many GPUs that no other job of the same user has taken.

    Snakemake counts the GPUs of a workstation but deals none out. The first call decides, for
    child processes too, and must come before CUDA starts; the GPUs are free again when the
    process ends. Where too few are free, and in a job of SLURM, which deals them out itself,
    nothing changes.
    """
    if TAKEN in os.environ or "SLURM_JOB_ID" in os.environ:
        return
    os.environ[TAKEN] = "1"
    names = visible_gpus()
    if len(names) > 1:
        taken = _lock(names, min(count, len(names)))
        if taken:
            os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(taken)


def _lock(names: Sequence[str], count: int) -> list[str]:
    """Lock the files of so many free GPUs; none where there are fewer."""
    folder = Path(tempfile.gettempdir()) / f"conta-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    taken = []
    for name in names:
        file = open(folder / name.replace("/", "_"), "w")  # noqa: SIM115 it stays open
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        _LOCKS.append(file)
        taken.append(name)
        if len(taken) == count:
            return taken
    while _LOCKS:
        _LOCKS.pop().close()
    return []


def count_visible_gpus() -> int:
    """GPUs that a process of this machine sees, see :func:`visible_gpus`."""
    return len(visible_gpus())


def visible_gpus() -> list[str]:
    """NVIDIA GPUs that ``CUDA_VISIBLE_DEVICES`` lets a process see, as it would name them."""
    if shutil.which("nvidia-smi") is None:
        return []
    try:
        done = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    present = sum(line.startswith("GPU ") for line in done.stdout.splitlines())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return [str(number) for number in range(present)]
    named = [name.strip() for name in visible.split(",")]
    return [name for name in named if name not in ("", "-1")][:present]


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
