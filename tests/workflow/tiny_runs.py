"""The workflow as a user starts it: Snakemake's command line, on a reduced experiment."""

from __future__ import annotations

import atexit
import copy
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from warm_python import warm_python

from conta_core.settings.load import merge

REPOSITORY = Path(__file__).resolve().parents[2]

CORES = max(2, min(8, os.cpu_count() or 2))

#: what belongs to the workflow; a finished run is made from a copy, so that tests may edit it
CODE = (
    "Snakefile",
    "config.yaml",
    "rules",
    "workflow_scripts",
    "conta_core",
    "envs",
    "profiles",
    "schemas",
)

#: the whole loop in the least time; every key that a test changes is written out
REDUCED: dict[str, Any] = {
    "dataset": {"images": {"train": 12, "val": 6}, "size": 64, "confounding": 0.9},
    "rounds": 3,
    "seed": 0,
    "reliance_images": 4,
    "cam": {
        "backbone": "efficientnet_lite0",
        "weights": "imagenet",
        "epochs": 1,
        "batch_size": 6,
        "learning_rate": 0.01,
        "resize": [64, 64],
        "crop": 64,
        "views": 1,
        "scales": [1.0],
    },
    "irn": {
        "backbone": "efficientnet_lite0",
        "weights": "imagenet",
        "foreground_threshold": 0.3,
        "label_crf": {"iterations": 1},
        "epochs": 1,
        "batch_size": 6,
        "resize": [64, 64],
        "crop": 64,
        "views": 1,
    },
    "refinement": {"radius": 4, "beta": 10.0, "steps": 16},
    "pseudo_masks": {"background_threshold": 0.3, "crf": False},
    "segmentation": {
        "backbone": "efficientnet_lite0",
        "weights": "imagenet",
        "scales": [0.5],
        "epochs": 1,
        "batch_size": 6,
        "learning_rate": 0.0025,
        "resize": [64, 64],
        "crop": 64,
        "views": 1,
    },
    "context": {
        "method": "conta",
        "block": 5,
        "size": [8, 8],
        "source": "segmentation",
        "background": False,
        "oracle_masks": False,
        "prior": "uniform",
        "scaling": "standardise",
        "learning": "tags",
        "steps": 5,
        "learning_rate": 0.01,
        "maps": "sum",
        "assignment": "own",
        "intervention": {
            "recombined": 0.4,
            "counterfactual": 0.2,
            "object_masks": "pseudo_masks",
            "backgrounds": "other",
            "area_filter": None,
        },
    },
    "crf": {
        "iterations": 1,
        "gaussian_sxy": 1.0,
        "gaussian_compat": 3.0,
        "bilateral_sxy": 67.0,
        "bilateral_srgb": 3.0,
        "bilateral_compat": 4.0,
    },
}
#: three arms of one comparison
RUNS = {
    "conta": {},
    "control": {"rounds": 2, "context": {"method": "none"}},
    "intervention": {"rounds": 2, "context": {"method": "intervention"}},
}


class Work(NamedTuple):
    """A job of the DAG; round is None where the rule has none, part where it is the only one."""

    rule: str
    run: str
    round: int | None
    part: str | None = None


@dataclass(frozen=True)
class Workflow:
    """The workflow's code and a working directory.

    Attributes:
        code: folder of the Snakefile and of the library that the jobs import.
        directory: where results are.
        config: the experiment that made the results.
        environment: of Snakemake and its jobs; None: that of the tests.
        python: that runs Snakemake and its jobs; None: the warm one of this process, or in an
            environment of its own the one that runs the tests.
    """

    code: Path
    directory: Path
    config: Mapping[str, Any]
    environment: Mapping[str, str] | None = None
    python: str | None = None

    def start(
        self, *options: str, changes: Mapping[str, Any] | None = None, check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake; stdout and stderr come back together.

        Args:
            options: further words of the command line.
            changes: of the config, as ``runs`` states them.
            check: fail the test where Snakemake fails.
        """
        file = self.directory / "reduced.yaml"
        file.write_text(yaml.safe_dump(merge(self.config, changes or {}), sort_keys=False))
        words = ["-s", str(self.code / "Snakefile"), "--directory", str(self.directory)]
        python = self.python or (sys.executable if self.environment else shared_python())
        started = time.monotonic()
        done = subprocess.run(
            [python, "-m", "snakemake", *words, "--configfile", str(file), *options],
            cwd=self.directory,
            env={**(self.environment or os.environ), **self._path()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1500,
        )
        print(f"snakemake {' '.join(options)}: {time.monotonic() - started:.1f} s")
        if check and done.returncode:
            pytest.fail(f"snakemake ended with {done.returncode}:\n{done.stdout[-8000:]}")
        return done

    def _path(self) -> dict[str, str]:
        """The library that the jobs import, before what is there."""
        paths = [str(self.code), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {"PYTHONPATH": os.pathsep.join(paths)}

    def run(self, *options: str, changes: Mapping[str, Any] | None = None) -> None:
        """Execute on all cores; as many jobs at once, since most of a job here is its start."""
        self.start(
            "--cores", str(CORES), "--max-threads", "1", *options, changes=changes, check=True
        )

    def stale(self, *options: str, changes: Mapping[str, Any] | None = None) -> set[Work]:
        """What a dry run says it would execute, without the target rule itself."""
        output = self.start("-n", *options, changes=changes, check=True).stdout
        return parse_dry_run(output, messages(self.code))

    def counts(self, *options: str, changes: Mapping[str, Any] | None = None) -> Counter[str]:
        """Jobs by rule, as a dry run counts them."""
        output = self.start("-n", *options, changes=changes, check=True).stdout
        return job_counts(output)

    def files(self) -> dict[str, tuple[int, int]]:
        """Every file of results/, with its size and its time."""
        return {
            str(path.relative_to(self.directory)): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in sorted((self.directory / "results").rglob("*"))
            if path.is_file()
        }


@cache
def shared_python() -> str:
    """A Python that starts at once, while this process lasts."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(warm_python())


def dry_run(directory: Path, *options: str, code: Path = REPOSITORY) -> str:
    """Of the repository's own workflow."""
    words = ["-s", str(code / "Snakefile"), "--directory", str(directory), "-n", *options]
    started = time.monotonic()
    done = subprocess.run(
        [shared_python(), "-m", "snakemake", *words],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    print(f"snakemake -n {' '.join(options)}: {time.monotonic() - started:.1f} s")
    assert done.returncode == 0, done.stdout
    return done.stdout


def messages(code: Path) -> dict[str, str]:
    """What a dry run prints of a job, less its run, round and part -> rule."""
    found: dict[str, str] = {}
    for file in sorted((code / "rules").glob("*.smk")):
        for rule, text in re.findall(
            r'^rule (\w+):\n(?:(?!^rule ).*\n)*? +message:\n +"(.+)"$', file.read_text(), re.M
        ):
            found[text.split("}: ", 1)[1].split(", {")[0]] = rule
    return found


def parse_dry_run(output: str, rules: Mapping[str, str]) -> set[Work]:
    """The jobs of a dry run, checked against the table of counts that it ends with."""
    if "Nothing to be done" in output:
        assert not re.search(r"^Job \d+:", output, re.M), output
        return set()
    jobs = re.finditer(
        r"^Job \d+: ([\w-]+?)(?: round (\d+))?: (.+?)(?:, (\d+ of \d+))?$", output, re.MULTILINE
    )
    found = [
        Work(rules[text], run, None if index is None else int(index), part and _unless_all(part))
        for run, index, text, part in (job.groups() for job in jobs)
    ]
    known = set(rules.values())
    counted = Counter({rule: n for rule, n in job_counts(output).items() if rule in known})
    assert Counter(work.rule for work in found) == counted, output
    assert len(set(found)) == len(found), output
    return set(found)


def _unless_all(part: str) -> str | None:
    return None if part == "1 of 1" else part


def job_counts(output: str) -> Counter[str]:
    """The table of counts of a dry run."""
    table = output.rsplit("Job stats:", 1)[-1] if "Job stats:" in output else ""
    rows = re.findall(r"^(\w+) +(\d+)$", table, re.M)
    return Counter({rule: int(count) for rule, count in rows if rule != "total"})


def copy_code(target: Path) -> Path:
    """Copy the workflow's code with its times."""
    target.mkdir(parents=True)
    for name in CODE:
        source = REPOSITORY / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, target / name, ignore=ignored)
        else:
            shutil.copy2(source, target / name)
    return target


def reduced(runs: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The reduced experiment, with changes and with other runs."""
    return {
        **merge(copy.deepcopy(REDUCED), changes),
        "runs": copy.deepcopy(dict(runs if runs is not None else RUNS)),
    }


@contextmanager
def edited(path: Path, edit: Callable[[str], str]) -> Iterator[None]:
    """Let a file be another for a while; afterwards it is as it was, its time too."""
    before, times = path.read_text(), path.stat()
    changed = edit(before)
    assert changed != before, f"the edit of {path} changes nothing"
    path.write_text(changed)
    try:
        yield
    finally:
        path.write_text(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
