"""The reduced loop on a real SLURM, with jobs lost on the way: `make test-slurm`.

Plain ``pytest`` does not find this file by its name. It needs root and Debian's SLURM, which it
installs where it may; elsewhere it is skipped and says why. One fixture runs everything and stops
what it started; the tests look at what it saw.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml
from cluster import Cluster
from daemons import running_cluster
from gpu_rules import GPU_RULES
from packages import UnavailableError
from slurm_jobs import Job, command_line, processes_of
from strikes import Fault, cancel, come_near_the_time_limit, lose_the_node, reach_the_time_limit
from warm_python import warm_python

from conta_core.settings.cam import OWN_STAGES
from conta_core.settings.load import merge

REPOSITORY = Path(__file__).resolve().parents[2]
ASKING_OFTEN = Path(__file__).with_name("asking_often.py")
#: seconds for both runs together; they take a third of it on two idle cores
LIMIT = 1500
#: beside the loop, which is CONTA's: a training that lasts long enough to be interrupted, and
#: an intervention, which has a stage that CONTA lacks
CHANGES: dict[str, Any] = {
    "shards": 2,
    "runs": {
        "loop": {},
        "long": {"rounds": 1, "cam": {"epochs": 60}},
        "intervention": {"start_from": "loop", "context": {"method": "intervention"}},
    },
}
TARGETS = (
    "results/loop/summary.json",
    "results/loop/report.html",
    "results/long/round-0/cam/cams.h5",
    "results/intervention/round-0/intervention/objects.h5",
)
#: what keeps the test short, and one thread a job on both sides, since sums depend on it
ON_BOTH_SIDES = ("--max-threads", "1")
#: the rule whose job runs into its time limit: one that lasts seconds, or it may end before it is
#: seen to run. It asks for no warning before the limit: whether SLURM would look between the
#: warning's time and the end, and so warn first, is a matter of chance
UNWARNED = "train_deeplab"
ON_SLURM = (
    f"--profile={REPOSITORY}/profiles/slurm",
    "--slurm-status-command=squeue",
    "--slurm-init-seconds-before-status-checks=1",
    "--slurm-keep-successful-logs",
    f"--set-resources={UNWARNED}:slurm_extra=''",
)


@dataclass
class Seen:
    """What the fixture saw.

    Attributes:
        local: directory of the undisturbed local run.
        remote: directory of the run on SLURM.
        jobs: SLURM's records.
        gpus: job -> the CUDA_VISIBLE_DEVICES that its tasks saw.
        faults: by name.
        steps: jobs that Snakemake counted.
        left: processes that were still there after the end.
    """

    local: Path
    remote: Path
    jobs: list[Job] = field(default_factory=list)
    gpus: dict[int, set[str]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    steps: int = 0
    left: list[str] = field(default_factory=list)

    def attempts(self, name: str) -> list[Job]:
        """The jobs that a fault's job became, in order."""
        fault = self.faults[name]
        assert fault.job is not None, f"{fault.rule} of {fault.run} ended before it was struck"
        struck = next(job for job in self.jobs if job.number == fault.job)
        return [job for job in self.jobs if job.comment == struck.comment]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Run the loop on SLURM, faults and all, and beside it undisturbed on this machine."""
    directory = tmp_path_factory.mktemp("runs")
    result = Seen(directory / "local", directory / "slurm")
    result.faults = {
        "cancelled": Fault("train_irn", "loop", cancel),
        "warned": Fault("train_cam", "long", come_near_the_time_limit),
        "timed out": Fault(UNWARNED, "loop", reach_the_time_limit),
        "node lost": Fault("predict_train_masks", "loop", lose_the_node),
    }
    config = directory / "config.yaml"
    config.write_text(yaml.safe_dump(experiment(), sort_keys=False))
    try:
        with running_cluster(cpus=4) as cluster:
            run_both(cluster, result, config)
            folder = cluster.folder
    except UnavailableError as error:
        pytest.skip(str(error))
    result.left = [f"{process} {command_line(process)}" for process in processes_of(folder)]
    return result


def experiment() -> dict[str, Any]:
    """The reduced loop in two parts, and a long training beside it."""
    base = yaml.safe_load((REPOSITORY / "tests" / "reduced" / "context_shapes.yaml").read_text())
    return merge(base, CHANGES)


def run_both(cluster: Cluster, seen: Seen, config: Path) -> None:
    """Run on SLURM and locally; strike the faults; record everything."""
    environment = {**cluster.environment, "PYTHONPATH": str(REPOSITORY)}
    often = [sys.executable, str(ASKING_OFTEN)]
    # the local run takes what SLURM's jobs leave
    with warm_python(niceness=10) as python:
        started = [
            start(often, seen.remote, config, environment, *ON_SLURM),
            start([python, "-m", "snakemake"], seen.local, config, os.environ, "--cores", "2"),
        ]
        wait_for_both(*started, cluster, seen)
    seen.jobs, seen.gpus = cluster.jobs(), cluster.visible_gpus()
    log = (seen.remote / "snakemake.log").read_text()
    seen.steps = int(re.findall(r"^(\d+) of \1 steps", log, re.M)[-1])


def wait_for_both(
    remote: subprocess.Popen[bytes], local: subprocess.Popen[bytes], cluster: Cluster, seen: Seen
) -> None:
    """Strike the faults meanwhile; whatever happens, leave no run behind."""
    started = (remote, local)
    try:
        end = time.monotonic() + LIMIT
        while any(process.poll() is None for process in started):
            if time.monotonic() > end:
                pytest.fail(f"not done within {LIMIT} s:\n{tails(seen)}")
            if remote.poll():
                pytest.fail(f"snakemake on SLURM ended with {remote.returncode}:\n{tails(seen)}")
            if remote.poll() is None:
                strike(cluster, seen)
            time.sleep(0.5)
        assert (remote.returncode, local.returncode) == (0, 0), tails(seen)
    finally:
        for process in started:
            stop(process)


def start(
    snakemake: Sequence[str],
    directory: Path,
    config: Path,
    environment: Mapping[str, str],
    *options: str,
) -> subprocess.Popen[bytes]:
    """Start Snakemake, so called, in a directory of its own."""
    directory.mkdir()
    words = ["-s", str(REPOSITORY / "Snakefile"), "--directory", str(directory)]
    words += ["--configfile", str(config), *options, *ON_BOTH_SIDES, "--", *TARGETS]
    with open(directory / "snakemake.log", "wb") as log:
        return subprocess.Popen(
            [*snakemake, *words],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End Snakemake and what it started here; its SLURM jobs are cancelled with the cluster."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def strike(cluster: Cluster, seen: Seen) -> None:
    """Let each fault befall its job as soon as that runs."""
    waiting = [fault for fault in seen.faults.values() if fault.job is None]
    for job in cluster.jobs() if waiting else []:
        for fault in waiting:
            begun = fault.job is None and fault.fits(job) and has_begun(cluster, job)
            if begun and fault.strike(cluster, job, seen.remote):
                fault.job = job.number


def has_begun(cluster: Cluster, job: Job) -> bool:
    """Whether the job's own step runs, beyond the script that starts it."""
    return job.number in cluster.visible_gpus()


def tails(seen: Seen) -> str:
    """The ends of both logs, and of those of SLURM's jobs that were kept."""
    files = [folder / "snakemake.log" for folder in (seen.local, seen.remote)]
    jobs = seen.remote.glob(".snakemake/slurm_logs/*/*/*.log")
    files += sorted(jobs, key=lambda path: path.stat().st_mtime)[-2:]
    return "\n".join(f"{file}:\n{file.read_text(errors='replace')[-3000:]}" for file in files)


def of_rule(text: str, name: str) -> dict[str, int]:
    """Rule -> a resource that grows with the attempts, as the rules state it."""
    rules = re.split(r"^rule ", text, flags=re.M)[1:]
    pairs = ((rule, re.search(rf"^ +{name}=grow\((\d+)\)", rule, re.M)) for rule in rules)
    return {rule.partition(":")[0]: int(match[1]) for rule, match in pairs if match}


def test_every_job_went_through_sbatch(seen: Seen) -> None:
    assert seen.steps > 30
    assert len({job.comment for job in seen.jobs}) == seen.steps
    assert {job.fields["BatchFlag"] for job in seen.jobs} <= {"1", "2"}  # 2: started again


def test_jobs_asked_for_what_their_rules_state(seen: Seen) -> None:
    text = "\n".join(path.read_text() for path in sorted((REPOSITORY / "rules").glob("*.smk")))
    memory, minutes = of_rule(text, "mem_mb"), of_rule(text, "runtime")
    moved = {fault.job for fault in seen.faults.values()}
    attempts: dict[str, int] = {}
    for job in seen.jobs:
        attempt = attempts[job.comment] = attempts.get(job.comment, 0) + 1
        assert job.gpus == (1 if job.rule in GPU_RULES else 0), job
        assert job.megabytes == attempt * memory[job.rule], job
        if job.number not in moved:  # a fault moves the end
            assert job.minutes == attempt * minutes[job.rule], job
        assert job.tres["cpu"] == "1", job
    # of the seeds, the runs have the default one
    assert {job.rule for job in seen.jobs} >= GPU_RULES - set(OWN_STAGES)


def test_gpu_jobs_have_a_gpu_each_and_the_others_none(seen: Seen) -> None:
    for job in seen.jobs:
        devices = seen.gpus.get(job.number, set())
        if job.rule not in GPU_RULES:
            assert devices <= {"none"}, job
        elif not job.restarts:
            assert devices in ({"0"}, {"1"}), job


def test_two_gpu_jobs_run_at_a_time(seen: Seen) -> None:
    jobs = [job for job in seen.jobs if job.gpus and not job.restarts and job.number in seen.gpus]
    together = [
        (one, other)
        for one in jobs
        for other in jobs
        if one.number < other.number and other.span[0] < one.span[1] and one.span[0] < other.span[1]
    ]
    assert together
    for one, other in together:
        assert seen.gpus[one.number].isdisjoint(seen.gpus[other.number]), (one, other)


@pytest.mark.parametrize(
    ("name", "state"),
    [("cancelled", "CANCELLED"), ("warned", "FAILED"), ("timed out", "TIMEOUT")],
)
def test_a_lost_job_is_submitted_again(seen: Seen, name: str, state: str) -> None:
    first, *_, last = seen.attempts(name)
    assert (first.state, last.state) == (state, "COMPLETED")


def test_a_training_near_its_time_limit_goes_on_from_its_state(seen: Seen) -> None:
    log = (seen.remote / "logs" / "train_cam" / "long" / "round-0.log").read_text()
    assert re.search(r"goes on after step [1-9]", log)


def test_slurm_itself_starts_the_jobs_of_a_lost_node_again(seen: Seen) -> None:
    (job,) = seen.attempts("node lost")
    assert (job.state, job.restarts) == ("COMPLETED", 1)


def test_results_equal_those_of_an_undisturbed_local_run(seen: Seen) -> None:
    files = {path.relative_to(seen.local) for path in (seen.local / "results").rglob("*.*")}
    assert files == {
        path.relative_to(seen.remote) for path in (seen.remote / "results").rglob("*.*")
    }
    kinds = {path.suffix for path in files}
    assert kinds >= {".json", ".png", ".safetensors", ".h5"}
    for path in sorted(path for path in files if (seen.local / path).is_file()):
        if path.suffix == ".h5":
            assert arrays(seen.local / path) == arrays(seen.remote / path), path
        elif path.suffix in (".json", ".png", ".safetensors", ".jpg", ".xml", ".txt"):
            assert (seen.local / path).read_bytes() == (seen.remote / path).read_bytes(), path


def arrays(path: Path) -> dict[str, Any]:
    """Every array and attribute of a store, in a form that compares to the bit."""
    found: dict[str, Any] = {}

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        attributes = {key: np.asarray(value).tolist() for key, value in item.attrs.items()}
        found[name] = attributes
        if isinstance(item, h5py.Dataset):
            found[name] = (attributes, item.shape, str(item.dtype), item[()].tobytes())

    with h5py.File(path, "r", locking=False) as file:
        add("", file)
        file.visititems(add)
    return found


def test_nothing_is_left_running(seen: Seen) -> None:
    assert seen.left == []
