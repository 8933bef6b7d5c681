"""SLURM from Debian's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo")
PACKAGES = ("slurm-wlm", "slurmctld", "slurmd", "munge")
#: seconds that a step of installing may take
INSTALL_LIMIT = 300


class UnavailableError(Exception):
    """SLURM cannot run here, and why."""


def install() -> None:
    """Debian's packages, where they are missing and may be installed.

    Raises:
        UnavailableError: they are missing and may not.
    """
    if os.geteuid() != 0:
        raise UnavailableError("SLURM's daemons and their pretend GPUs need root")
    missing = [name for name in (*DAEMONS, *COMMANDS) if shutil.which(name) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise UnavailableError(f"no {', '.join(missing)}, and no apt-get to install them")
    _quietly("apt-get", "--quiet", "update")
    _quietly("apt-get", "--quiet", "--yes", "--no-install-recommends", "install", *PACKAGES)
    still = [name for name in missing if shutil.which(name) is None]
    if still:
        raise UnavailableError(f"no {', '.join(still)} after apt-get install {' '.join(PACKAGES)}")
    # where packages start their services, these are not ours to leave running
    if shutil.which("systemctl"):
        _quietly("systemctl", "disable", "--now", "munge", "slurmctld", "slurmd")


def _quietly(*words: str) -> None:
    """Run a command of the system; what comes of it is looked at afterwards."""
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            words,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=INSTALL_LIMIT,
        )
