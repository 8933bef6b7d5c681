from __future__ import annotations

import os
import re
from pathlib import Path

from html_page import Page

from conta_core.evaluation.report.benchmarks import (
    BEFORE,
    IN_ROUNDS,
    Benchmarks,
    Measured,
    read_benchmarks,
)
from conta_core.evaluation.report.templates import render_section
from conta_core.evaluation.report.times import duration, times_section

RULES = Path(__file__).resolve().parents[4] / "rules"
HEADINGS = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def write(path: Path, seconds: float, memory: str, at: int = 1000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADINGS}{seconds}\t0:00:01\t{memory}\t1\t1\t1\t0\t0\t0\t0\n")
    os.utime(path, (at, at))


def test_every_rule_with_a_benchmark_is_known() -> None:
    """In the rules' files: a new rule belongs into the tables of the report."""
    found = {}
    for file in RULES.glob("*.smk"):
        text = file.read_text()
        found |= dict(re.findall(r'benchmark:\n +"benchmarks/(\w+)/(.+)\.tsv"', text))
    assert {rule for rule, path in found.items() if path == "{run}"} == {*BEFORE, "summarise"}
    others = {*BEFORE, "summarise", "compare"}
    assert {rule for rule in found if rule in IN_ROUNDS} == found.keys() - others
    in_rounds = {found[rule] for rule in IN_ROUNDS}
    assert in_rounds == {"{run}/round-{round}", "{run}/round-{round}/{part}-of-{parts}"}


def test_parts_are_added_and_their_memory_is_the_highest(tmp_path: Path) -> None:
    folder = tmp_path / "extract_cams" / "r" / "round-0"
    write(folder / "1-of-1.tsv", 50.0, "900", at=10)  # an earlier number of parts
    write(folder / "1-of-2.tsv", 2.5, "300", at=20)
    write(folder / "2-of-2.tsv", 4.0, "500", at=21)
    found = read_benchmarks(str(tmp_path), "r", 1)
    assert found.measured == {("extract_cams", 0): Measured(6.5, 500.0, 2)}
    assert not any("extract_cams" in path for path in found.missing)
    (folder / "1-of-2.tsv").unlink()
    found = read_benchmarks(str(tmp_path), "r", 1)
    assert found.measured == {("extract_cams", 0): Measured(4.0, 500.0, 1)}
    assert str(folder / "1-of-2.tsv") in found.missing


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    write(tmp_path / "train_cam" / "r" / "round-0.tsv", 3.0, "NA")
    (tmp_path / "train_cam" / "r" / "round-1.tsv").write_text("nothing\n")
    found = read_benchmarks(str(tmp_path), "r", 2)
    assert found.measured == {("train_cam", 0): Measured(3.0, None, 1)}
    missing = {str(Path(path).relative_to(tmp_path)) for path in found.missing}
    assert "train_cam/r/round-1.tsv" in missing
    assert "index_dataset/r.tsv" in missing
    # not every run has a context, or a data set that is made
    assert not missing & {"deconfound/r/round-0.tsv", "make_coco_masks/r.tsv"}


def test_times_section() -> None:
    measured = {
        ("index_dataset", None): Measured(1.0, 20.0, 1),
        ("train_cam", 0): Measured(90.0, 2048.0, 1),
        ("train_cam", 1): Measured(30.0, None, 1),
        ("refine_cams", 1): Measured(4.25, 10.0, 3),
    }
    text = render_section(times_section(Benchmarks(measured, ["a/b.tsv"]), 2))
    words = " ".join(Page(text).words)
    assert "In all 2 min 05 s of jobs" in words
    assert "train_cam 1 min 30 s 2,048 MB 30.0 s - 2 min 00 s" in words
    assert "refine_cams, 3 jobs - - 4.2 s 10 MB 4.2 s" in words
    assert "all stages 1 min 30 s 2,048 MB 34.2 s 10 MB 2 min 04 s" in words
    assert "1 benchmark files are not there, or cannot be read a/b.tsv" in words


def test_no_times_at_all() -> None:
    words = " ".join(Page(render_section(times_section(Benchmarks({}, ["x"]), 2))).words)
    assert "No benchmarks: the workflow was run elsewhere, or they were deleted." in words


def test_duration() -> None:
    told = [duration(seconds) for seconds in (0.04, 59.94, 60, 3599.7, 36000)]
    assert told == ["0.0 s", "59.9 s", "1 min 00 s", "1 h 00 min", "10 h 00 min"]


def test_a_stage_that_some_runs_do_without_is_not_missing(tmp_path: Path) -> None:
    found = read_benchmarks(str(tmp_path), "r", 1)
    assert not any("evaluate_reliance" in path for path in found.missing)
    assert any("evaluate_cams" in path for path in found.missing)
