"""A working directory in any state, from small files."""

from __future__ import annotations

import json
import os
import time
from base64 import urlsafe_b64encode
from pathlib import Path

from conta_core.workflow.stages import STAGES, Stage

BY_NAME = {stage.name: stage for stage in STAGES}


class RunFolder:
    """Writes what a workflow would; ``run`` is ``r``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "results" / "r").mkdir(parents=True)

    def write(self, path: str, text: str = "", age: float = 0.0) -> None:
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        when = time.time() - age
        os.utime(file, (when, when))

    def done(self, *names: str, index: int = 0) -> None:
        for name in names:
            self.write(stage(name).path("r", index))

    def log(
        self,
        name: str,
        *lines: str,
        index: int | None = 0,
        part: str | None = None,
        age: float = 0.0,
        level: str = "INFO",
    ) -> None:
        """A log whose lines came ten seconds one after the other, the last so long ago."""
        end = time.time() - age
        text = ""
        for number, line in enumerate(lines):
            when = time.localtime(end - 10 * (len(lines) - 1 - number))
            text += f"{time.strftime('%F %T', when)},123 {level} conta_core.x: {line}\n"
        self.write(stage(name).log("r", index, part), text, age)

    def mark(
        self,
        name: str,
        index: int | None = 0,
        part: str | None = None,
        age: float = 5.0,
        job: str | None = None,
    ) -> None:
        """Snakemake has started the job."""
        made = stage(name)
        output = made.path("r", index) if part is None else made.part("r", index, part)
        encoded = urlsafe_b64encode(output.encode()).decode()
        self.write(f".snakemake/incomplete/{encoded}", json.dumps({"external_jobid": job}), age)

    def lock(self) -> None:
        """Snakemake is at work."""
        self.write(".snakemake/locks/0.input.lock")


def stage(name: str) -> Stage:
    return BY_NAME[name]
