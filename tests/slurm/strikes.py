"""What befalls the jobs of a run on SLURM."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cluster import Cluster, wait_until
from slurm_jobs import Job, command_line


@dataclass
class Fault:
    """What befalls the first job of a rule and a run.

    Attributes:
        rule: of the job.
        run: of the job, round 0.
        strike: does it, once the job runs; false: not yet.
        job: the number of the job that was struck.
    """

    rule: str
    run: str
    strike: Callable[[Cluster, Job, Path], bool]
    job: int | None = None

    def fits(self, job: Job) -> bool:
        """Whether a job is the one, and runs."""
        return job.state == "RUNNING" and job.comment.startswith(
            f"rule_{self.rule}_wildcards_{self.run}_0"
        )


def cancel(cluster: Cluster, job: Job, directory: Path) -> bool:
    """As a user or an administrator does."""
    cluster.command("scancel", str(job.number))
    return True


def come_near_the_time_limit(cluster: Cluster, job: Job, directory: Path) -> bool:
    """The profile's SIGTERM is due two minutes before the end; the training is held till then."""
    log = directory / "logs" / job.rule / "long" / "round-0.log"
    if not log.is_file() or "epoch 3:" not in log.read_text():
        return False
    held = freeze(cluster, job)
    if held:
        end_in(cluster, job, 90)
        threading.Thread(target=thaw_when_warned, args=(held,), daemon=True).start()
    return bool(held)


def reach_the_time_limit(cluster: Cluster, job: Job, directory: Path) -> bool:
    """A job that hangs, until SLURM ends it."""
    if not freeze(cluster, job):
        return False
    # not now: SLURM refuses what is past when it hears of it, and a busy one hears late
    end_in(cluster, job, 5)
    return True


def lose_the_node(cluster: Cluster, job: Job, directory: Path) -> bool:
    """The node goes down with all its jobs, and comes back."""
    cluster.set_node("down")
    wait_until(lambda: job.number not in cluster.running(), 60, "the lost job still runs")
    cluster.set_node("resume")
    return True


def end_in(cluster: Cluster, job: Job, seconds: int) -> None:
    end = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + seconds))
    cluster.command("scontrol", "update", f"JobId={job.number}", f"EndTime={end}")


def freeze(cluster: Cluster, job: Job) -> list[int]:
    """Stop the rule's script and the shell around it, once they are there; which these are."""
    try:
        processes = cluster.processes(job)
    except RuntimeError:  # it has ended meanwhile
        return []
    words = {process: command_line(process) for process in processes}
    found = [process for process in processes if f".{job.rule}.py" in words[process]]
    if not any("pipefail" not in words[process] for process in found):
        return []
    for process in found:
        os.kill(process, signal.SIGSTOP)
    return found


def thaw_when_warned(processes: Sequence[int]) -> None:
    """Let stopped processes go on as soon as SIGTERM waits for one of them."""
    try:
        wait_until(lambda: any(map(is_warned, processes)), 80, "no SIGTERM came")
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def is_warned(process: int) -> bool:
    """Whether SIGTERM waits for a process, or has ended it."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return True
    pending = re.findall(r"^(?:Sig|Shd)Pnd:\s*(\w+)$", status, re.M)
    return any(int(mask, 16) >> (signal.SIGTERM - 1) & 1 for mask in pending)
