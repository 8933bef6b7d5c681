"""Two runs in one place, workers that die, and losses that are not finite."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import yaml
from bench import ERROR, RIGHT, WRONG, Bench, Tally
from kills import kill_family
from tiny_runs import Workflow

TRIALS = 3
#: seconds after the death of a worker within which a run must have ended
HANGS = 120.0


def two_runs(bench: Bench) -> Tally:
    """The second of two Snakemakes on one directory is refused; the first is not disturbed."""
    tally = Tally("two runs at once", "a second Snakemake started on the directory of a first")
    for _ in range(TRIALS):
        workflow = bench.fresh("twice")
        ended: list[subprocess.CompletedProcess[str]] = []
        first = threading.Thread(target=_run_into, args=(ended, bench, workflow))
        first.start()
        locks = workflow.directory / ".snakemake" / "locks"
        wait_for(lambda path=locks: path.is_dir() and any(path.iterdir()))
        second = bench.run(workflow)
        first.join(600)
        outcome, note = bench.judge_error(second, "Directory cannot be locked")
        if not ended or ended[0].returncode:
            outcome, note = WRONG, "the first was disturbed"
        elif outcome == ERROR:
            result, differing = bench.compare(workflow)
            outcome, note = (outcome, note) if result == RIGHT else (result, differing)
        tally.add(outcome, note)
    return tally


def dying_workers(bench: Bench) -> Tally:
    """A worker process that reads images, or makes labels, is killed."""
    tally = Tally("dying worker", "a worker process of a job is killed: image reading, CRF")
    for target, rule, slow in (
        # without cached features images are read throughout
        ("round-0/cam/model.safetensors", "train_cam", {"cam": {"epochs": 400, "views": 0}}),
        (
            "round-0/irn/labels.h5",
            "make_irn_labels",
            {"irn": {"label_crf": {"iterations": 400}}},
        ),
    ):
        for _ in range(TRIALS):
            workflow, path = bench.copy("dying"), f"results/conta/{target}"
            (workflow.directory / path).unlink()
            done = _kill_a_worker(workflow, slow, path, rule)
            outcome, note = bench.judge_error(done, "worker")
            if outcome == ERROR:
                # all that follows is still there: with the same bytes it is right
                after, differing = bench.judge(workflow, path)
                outcome, note = (outcome, note) if after == RIGHT else (after, differing)
            tally.add(outcome, f"{rule}: {note}")
    return tally


def not_finite(bench: Bench) -> Tally:
    """A loss that is not finite stops the training, with its step and images."""
    tally = Tally("loss not finite", "each training with a learning rate of 1e30")
    for key, rates, target in (
        ("cam", ["learning_rate"], "cam"),
        ("irn", ["edge_learning_rate", "displacement_learning_rate"], "irn"),
        ("segmentation", ["learning_rate"], "segmentation"),
    ):
        workflow = bench.copy("not-finite")
        changes = {key: {**dict.fromkeys(rates, 1e30), "epochs": 8}}
        if key == "segmentation":
            changes[key]["gradient_clip"] = None
        path = f"results/conta/round-0/{target}/model.safetensors"
        done = bench.run(workflow, path, changes=changes)
        outcome, note = bench.judge_error(done, "the loss is", "on the images")
        if outcome == ERROR:
            after, differing = bench.judge(workflow, path)
            outcome, note = (outcome, note) if after == RIGHT else (after, differing)
        tally.add(outcome, f"{key}: {note}")
    return tally


def _run_into(ended: list[subprocess.CompletedProcess[str]], bench: Bench, work: Workflow) -> None:
    ended.append(bench.run(work))


def _kill_a_worker(
    workflow: Workflow, changes: Mapping[str, object], target: str, rule: str
) -> subprocess.CompletedProcess[str]:
    """Run one rule with workers, kill one when the job has begun, and wait for its end."""
    from conta_core.settings.load import merge

    file = workflow.directory / "reduced.yaml"
    file.write_text(yaml.safe_dump(merge(workflow.config, changes), sort_keys=False))
    # the target first: these options take all the words that follow them
    words = [target, "-s", str(workflow.code / "Snakefile"), "--directory", workflow.directory]
    options = ["--configfile", str(file), "--cores", "4", "--set-threads", f"{rule}=4"]
    log = Path(workflow.directory / "output.txt")
    with open(log, "w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "snakemake", *words, *options],
            cwd=workflow.directory,
            env={**os.environ, "PYTHONPATH": str(workflow.code)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        workers: list[psutil.Process] = []

        def found() -> bool:
            workers[:] = _workers(process.pid, rule)
            return bool(workers)

        wait_for(found)
        workers[0].kill()
        try:
            process.wait(HANGS)
        except subprocess.TimeoutExpired:
            kill_family(process.pid)
            return subprocess.CompletedProcess([], 0, f"it hung for {HANGS} s\n{log.read_text()}")
    return subprocess.CompletedProcess([], process.returncode, log.read_text())


def _workers(pid: int, rule: str) -> list[psutil.Process]:
    """Processes that a job forked: they have its command line."""
    try:
        family = psutil.Process(pid).children(recursive=True)
        return [
            child
            for child in family
            if child.parent() in family
            and f"{rule}.py" in " ".join(child.cmdline())
            and child.cmdline() == child.parent().cmdline()
        ]
    except psutil.NoSuchProcess:
        return []


def wait_for(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{condition} did not come true in {seconds} s")
        time.sleep(0.02)
