"""The records of SLURM's jobs, and the processes behind them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """A job's record, as ``scontrol show job`` tells it.

    Attributes:
        number: SLURM's.
        comment: the rule and its wildcards, as the executor plugin writes them.
        fields: all of the record.
    """

    number: int
    comment: str
    fields: Mapping[str, str]

    @property
    def rule(self) -> str:
        """The rule's name."""
        return self.comment.removeprefix("rule_").split("_wildcards_")[0]

    @property
    def state(self) -> str:
        """``RUNNING``, ``COMPLETED``, ``TIMEOUT`` ..."""
        return self.fields["JobState"]

    @property
    def minutes(self) -> int:
        """The time limit."""
        days, _, clock = self.fields["TimeLimit"].rpartition("-")
        hours, minutes, _ = (int(part) for part in clock.split(":"))
        return (int(days or 0) * 24 + hours) * 60 + minutes

    @property
    def tres(self) -> dict[str, str]:
        """What was asked for: cpu and mem, as SLURM writes them."""
        return dict(item.split("=", 1) for item in self.fields["TRES"].split(","))

    @property
    def gpus(self) -> int:
        """GPUs asked for, by ``--gpus`` or by ``--gres``."""
        asked = self.fields.get("TresPerJob") or self.fields.get("TresPerNode") or ""
        return int(asked.rpartition(":")[2]) if asked else 0

    @property
    def megabytes(self) -> int:
        """Memory asked for."""
        number, unit = self.tres["mem"][:-1], self.tres["mem"][-1]
        return round(float(number) * {"M": 1, "G": 1024}[unit])

    @property
    def restarts(self) -> int:
        """How often SLURM itself started the job again."""
        return int(self.fields["Restarts"])

    @property
    def span(self) -> tuple[str, str]:
        """Start and end, in a form that compares."""
        return self.fields["StartTime"], self.fields["EndTime"]


def parse_jobs(text: str) -> list[Job]:
    """The records of ``scontrol show job --oneliner``."""
    found = []
    for line in text.splitlines():
        fields = dict(re.findall(r"(?:^| )([A-Z][\w/:]*)=(\S*)", line))
        if "JobId" in fields:
            found.append(Job(int(fields["JobId"]), fields.get("Comment", ""), fields))
    return sorted(found, key=lambda job: job.number)


def processes_of(folder: Path) -> list[int]:
    """Processes that name a cluster's folder in their words or their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (place / "environ").read_bytes() + (place / "cmdline").read_bytes()
            if os.fsencode(folder) in words:
                found.append(int(place.name))
    return found


def command_line(process: int) -> str:
    """Its words; empty where it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
