"""A finished run to compare with, copies of it to spoil, and the judgement of what came of it."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from tiny_runs import Workflow, copy_code, reduced

RIGHT, ERROR, WRONG = "right result", "clear error", "wrong"
#: the whole loop in little time: two rounds, each stage that goes image by image in two parts; and
#: from the same round 0 an intervention, whose objects are measured
CONFIG = reduced(
    {
        "conta": {"rounds": 2},
        "intervention": {
            "rounds": 2,
            "start_from": "conta",
            "context": {"method": "intervention"},
        },
    },
    shards=2,
)
#: an error of a job or of Snakemake itself, in one line
ERROR_LINE = re.compile(
    r"(?m)^.*(?:[Ee]rror: |Error in file|WorkflowError in rule |Exception: |Exception in ).*$"
)
#: the element of a report that tells how long its own run took
TIMES = re.compile(rb'<section id="times".*?</section>', re.DOTALL)


@dataclass
class Tally:
    """What came of one kind of fault.

    Attributes:
        fault: its name.
        how: in words, for the table.
        counts: outcome -> how often.
        notes: what was wrong, or the text of an error.
    """

    fault: str
    how: str
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, outcome: str, note: str = "") -> None:
        """Count one trial."""
        self.counts[outcome] += 1
        if outcome == WRONG:
            self.notes.append(note)
            print(f"  WRONG, {self.fault}: {note}", flush=True)


class Bench:
    """The undisturbed run.

    Args:
        folder: for everything that the suite writes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code = copy_code(folder / "code")
        self.finished = self.fresh("undisturbed")
        self.run(self.finished, check=True)
        self.expected = content(self.finished)

    def fresh(self, name: str) -> Workflow:
        """A working directory without results."""
        directory = self.folder / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        return Workflow(self.code, directory, CONFIG)

    def copy(self, name: str) -> Workflow:
        """A copy of the finished run, with Snakemake's notes and the files' times."""
        workflow = self.fresh(name)
        for part in ("results", ".snakemake"):
            shutil.copytree(self.finished.directory / part, workflow.directory / part)
        return workflow

    def run(
        self,
        workflow: Workflow,
        *options: str,
        changes: Mapping[str, Any] | None = None,
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Start Snakemake on two cores, two jobs at once."""
        words = ("--cores", "2", "--max-threads", "1", *options)
        return workflow.start(*words, changes=changes, check=check)

    def judge(self, workflow: Workflow, *targets: str) -> tuple[str, str]:
        """Run to the end, undisturbed: the right result or what differs."""
        workflow.start("--unlock", check=True)
        done = self.run(workflow, *targets)
        if done.returncode:
            return WRONG, f"does not go on: {done.stdout[-600:]}"
        return self.compare(workflow)

    def compare(self, workflow: Workflow) -> tuple[str, str]:
        """Whether every result has the bytes of the undisturbed run's."""
        found = content(workflow)
        differing = sorted(
            path
            for path in found.keys() | self.expected.keys()
            if found.get(path) != self.expected.get(path)
        )
        return (WRONG, f"differs: {differing[:5]}") if differing else (RIGHT, "")

    def judge_error(self, done: subprocess.CompletedProcess[str], *says: str) -> tuple[str, str]:
        """Whether a failed run said what is wrong, once and without a traceback."""
        if done.returncode == 0:
            return WRONG, "it went through"
        if "Traceback (most recent call last)" in done.stdout:
            return WRONG, f"a traceback: {done.stdout[-1500:]}"
        if not ERROR_LINE.search(done.stdout) or any(word not in done.stdout for word in says):
            return WRONG, f"no clear error, {says} expected: {done.stdout[-1500:]}"
        return ERROR, ""


def content(workflow: Workflow) -> dict[str, str]:
    """Every result -> digest of its bytes, without what is hidden.

    Of a report all but its section of times, which are another run's.
    """
    results = workflow.directory / "results"
    return {
        str(path.relative_to(results)): hashlib.sha256(
            TIMES.sub(b"", path.read_bytes(), count=1)
            if path.name == "report.html"
            else path.read_bytes()
        ).hexdigest()
        for path in sorted(results.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
