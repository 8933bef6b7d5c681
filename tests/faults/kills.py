"""SIGKILL of everything, at random moments of the whole run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import yaml
from bench import RIGHT, Bench, Tally
from tiny_runs import Workflow

#: seconds from a start to the kill
SOONEST, LATEST = 2.0, 14.0


def kills(bench: Bench, count: int, draw: random.Random) -> Tally:
    """Kill, start again, kill, ... until the run is whole; then the next run."""
    tally = Tally("SIGKILL", "Snakemake and all its jobs killed at a random moment of the run")
    done = 0
    while done < count:
        workflow = bench.fresh("killed")
        killed = 0
        while done + killed < count and kill_once(workflow, draw.uniform(SOONEST, LATEST)):
            killed += 1
        outcome, note = bench.judge(workflow)
        for _ in range(killed):
            tally.add(outcome, note)
        done += killed
        print(f"  {done} of {count} kills, {tally.counts[RIGHT]} with the right result", flush=True)
    return tally


def kill_once(workflow: Workflow, seconds: float) -> bool:
    """Start the run and kill all of it after so long; False: it ended before."""
    workflow.start("--unlock", check=True)
    file = workflow.directory / "reduced.yaml"
    file.write_text(yaml.safe_dump(dict(workflow.config), sort_keys=False))
    words = ["-s", str(workflow.code / "Snakefile"), "--directory", str(workflow.directory)]
    options = ["--configfile", str(file), "--cores", "2", "--max-threads", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "snakemake", *words, *options],
        cwd=workflow.directory,
        env={**os.environ, "PYTHONPATH": str(workflow.code)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        kill_family(process.pid)
        process.wait(30)
        return True
    return False


def kill_family(pid: int) -> None:
    """SIGKILL a process and all that it started, the parents first."""
    parent = psutil.Process(pid)
    family = [parent, *parent.children(recursive=True)]
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    deadline = time.monotonic() + 30
    while any(m.is_running() and m.status() != psutil.STATUS_ZOMBIE for m in family[1:]):
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes of {pid} are still there")
        time.sleep(0.05)
