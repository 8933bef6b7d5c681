"""A running SLURM as a test uses it: its jobs, its node, what its tasks saw."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from slurm_jobs import Job, parse_jobs

#: seconds that one command of SLURM may take, and one daemon to start or to end
COMMAND_LIMIT = 60
START_LIMIT = 30
NODE = "conta"


@dataclass(frozen=True)
class Cluster:
    """A running SLURM.

    Attributes:
        folder: of its configuration, state and logs.
        environment: what its commands need.
    """

    folder: Path
    environment: Mapping[str, str]

    def command(self, *words: str) -> str:
        """Run a command of SLURM; its output."""
        done = subprocess.run(
            words,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_LIMIT,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stdout}")
        return done.stdout

    def jobs(self) -> list[Job]:
        """All jobs so far, ended ones too, by number."""
        return parse_jobs(self.command("scontrol", "show", "job", "--oneliner"))

    def running(self) -> set[int]:
        """The jobs that run."""
        return {job.number for job in self.jobs() if job.state == "RUNNING"}

    def processes(self, job: Job) -> list[int]:
        """The processes of a running job, as SLURM tracks them."""
        lines = self.command("scontrol", "listpids", str(job.number)).splitlines()[1:]
        return [int(line.split()[0]) for line in lines if int(line.split()[0]) > 0]

    def visible_gpus(self) -> dict[int, set[str]]:
        """Job -> every CUDA_VISIBLE_DEVICES that a task of it saw; ``none`` where it is unset."""
        found: dict[int, set[str]] = {}
        for line in (self.folder / "tasks").read_text().splitlines():
            number, step, devices = line.split(" ", 2)
            if step != "batch":
                found.setdefault(int(number), set()).add(devices)
        return found

    def set_node(self, state: str) -> None:
        """``down`` or ``resume`` the only node."""
        reason = ["Reason=test"] if state == "down" else []
        self.command("scontrol", "update", f"NodeName={NODE}", f"State={state}", *reason)

    def wait_for_node(self, limit: float = START_LIMIT) -> None:
        """Until the node takes jobs."""

        def ready() -> bool:
            return self.command("sinfo", "-h", "-o", "%T").strip() in ("idle", "mixed", "allocated")

        wait_until(ready, limit, "the node does not become idle")


def wait_until(condition: Callable[[], bool], limit: float, complaint: str) -> None:
    """Ask again and again; an error once the seconds are over."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{complaint} within {limit:g} s")
        time.sleep(0.2)
