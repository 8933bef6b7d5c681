"""Lost files, parts, and what makes nothing stale."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from stale_work import FROM_REFINE_CAMS, NOTHING, SUMMARISE, in_parts, jobs, statement_in
from tiny_runs import Workflow, edited

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("count", [2, 5])
def test_number_of_shards(finished: Workflow, count: int) -> None:
    """Alone it reruns nothing; with another change it reruns that change's work, in its parts."""
    assert finished.stale(changes={"shards": count}) == NOTHING
    changes = {"shards": count, "refinement": {"beta": 8.0}}
    assert finished.stale(changes=changes) == in_parts(FROM_REFINE_CAMS, count)
    with edited(
        finished.code / "conta_core" / "refinement" / "random_walk.py", statement_in("random_walk")
    ):
        assert finished.stale(changes={"shards": count}) == in_parts(FROM_REFINE_CAMS, count)


def test_shards_change_no_bit_and_may_change_back(finished_copy: Workflow) -> None:
    """Made again in two parts; then one part, in which it was made first, is not stale either."""
    lost = "results/control/round-1/cam/cams.h5"
    store = finished_copy.directory / lost
    before = store.read_bytes()
    store.unlink()
    finished_copy.run(lost, changes={"shards": 2})
    assert store.read_bytes() == before
    assert not store.with_name("cams.parts").exists()
    for count in (2, 1, 3):
        assert finished_copy.stale(lost, changes={"shards": count}) == NOTHING


def test_finished_run_again(finished: Workflow) -> None:
    before = finished.files()
    output = finished.start("--cores", "2", check=True).stdout
    assert "Nothing to be done" in output
    assert finished.files() == before


def test_cores_threads_and_profile(finished: Workflow, tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_text("cores: 1\nset-threads:\n  train_cam: 2\n")
    options = ("--cores", "1", "--profile", str(profile), "--set-resources", "train_cam:mem_mb=9")
    assert finished.stale(*options) == NOTHING


# Lost files: an intermediate file is made again where it is asked for, with what it needs.


def test_lost_file(finished_copy: Workflow) -> None:
    lost = "results/control/round-1/irn/refined.h5"
    (finished_copy.directory / lost).unlink()
    assert finished_copy.stale() == NOTHING
    assert finished_copy.stale(lost) == jobs("control", {1: {"refine_cams", "gather_refined"}})


def test_lost_folder(finished_copy: Workflow) -> None:
    lost = "results/control/round-1/pseudo_masks"
    shutil.rmtree(finished_copy.directory / lost)
    assert finished_copy.stale() == NOTHING
    assert finished_copy.stale(lost) == jobs("control", {1: {"make_pseudo_masks"}})


def test_lost_report(finished_copy: Workflow) -> None:
    (finished_copy.directory / "results" / "conta" / "report.html").unlink()
    assert finished_copy.stale() == jobs("conta", {None: SUMMARISE})
