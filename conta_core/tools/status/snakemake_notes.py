"""What Snakemake leaves in its working directory: who is at work, and which jobs failed.

Its files are read as they are; nothing of it is imported.
"""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

FOLDER = ".snakemake"
#: bytes of a file name
LONGEST = 255
ERRORS = ("Error in rule ", "Error in group")


@dataclass(frozen=True)
class Mark:
    """Snakemake's note that it has started, or submitted, the job of an output.

    Attributes:
        since: seconds since the epoch.
        job: the cluster's name of the job; None: it runs here.
    """

    since: float
    job: str | None


class SnakemakeNotes:
    """The notes of one working directory, as they are now.

    Args:
        directory: the working directory.

    Attributes:
        locked: whether a Snakemake is at work there, or one was killed there.
        failed: outputs whose jobs failed in the last start -> path of Snakemake's log.
    """

    def __init__(self, directory: Path) -> None:
        self._folder = directory / FOLDER
        self.locked = any(self._folder.glob("locks/*.lock"))
        self.failed = self._read_failed(directory)

    def mark(self, output: str) -> Mark | None:
        """The note on the job of an output; None: it is neither at work nor was it killed."""
        name = urlsafe_b64encode(output.encode()).decode()
        step = LONGEST - 1
        pieces = [name[start : start + step] for start in range(0, len(name), step)]
        path = self._folder.joinpath("incomplete", *(f"@{p}" for p in pieces[:-1]), pieces[-1])
        try:
            since = path.stat().st_mtime
            content = json.loads(path.read_text() or "{}")
        except FileNotFoundError:
            return None
        except (OSError, ValueError):  # it is being written
            return Mark(os.path.getmtime(self._folder), None)
        job = content.get("external_jobid") if isinstance(content, dict) else None
        return Mark(since, None if job is None else str(job))

    def _read_failed(self, directory: Path) -> dict[str, str]:
        """Of the blocks ``Error in rule X:`` of the newest log, the lines ``output:``."""
        logs = sorted(self._folder.glob("log/*.snakemake.log"))
        if not logs:
            return {}
        found: dict[str, str] = {}
        inside = False
        for line in logs[-1].read_text(errors="replace").splitlines():
            if line.startswith(ERRORS):
                inside = True
            elif not line.startswith(" "):
                inside = False
            elif inside and line.strip().startswith("output: "):
                paths = line.strip().removeprefix("output: ").split(", ")
                found |= {path: str(logs[-1].relative_to(directory)) for path in paths}
        return found
