"""``conta status`` on what the real workflow leaves."""

from __future__ import annotations

from pathlib import Path

from tiny_runs import Workflow

from conta_core.settings.load import load_experiments
from conta_core.tools.status import RunStatus, read_status
from conta_core.tools.status.run_status import State


def status(workflow: Workflow, run: str, directory: Path | None = None) -> RunStatus:
    experiment = load_experiments(workflow.config)[run]
    return read_status(directory or workflow.directory, run, experiment, "reduced.yaml")


def test_finished_runs(finished: Workflow) -> None:
    """Everything done that the DAG of each run has, and nothing else needed."""
    jobs = finished.counts("--forceall")
    gathering = sum(count for rule, count in jobs.items() if rule.startswith("gather_"))
    done = 0
    for run in load_experiments(finished.config):
        found = status(finished, run)
        assert found.count(State.DONE) == found.needed
        done += found.needed
    assert done == sum(jobs.values()) - gathering - jobs["all"]


def test_lost_and_failed(finished_copy: Workflow) -> None:
    root = finished_copy.directory
    refined = root / "results" / "control" / "round-1" / "irn" / "refined.h5"
    content = refined.read_bytes()
    refined.unlink()
    refined.write_bytes(content[: len(content) // 2])
    ended = finished_copy.start(
        "--cores", "1", "--rerun-triggers", "mtime", "--",
        "results/control/round-1/pseudo_masks",
    )  # fmt: skip
    assert ended.returncode != 0
    found = status(finished_copy, "control")
    (failed,) = [stage for stage in found.stages if stage.state is State.FAILED]
    assert (failed.stage, failed.round) == ("make_pseudo_masks", 1)
    assert failed.error is not None
    assert "refined.h5" in failed.error
    assert failed.log is not None
    assert (root / failed.log).is_file()
