"""The report of a finished run: what it tells of the run, and that nothing hangs on it."""

from __future__ import annotations

import html
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from tiny_runs import RUNS, Workflow

pytestmark = pytest.mark.slow


def section(workflow: Workflow, run: str, name: str) -> str:
    """The words of a section."""
    page = (workflow.directory / "results" / run / "report.html").read_text()
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    assert found, name
    return html.unescape(re.sub(r"<[^>]+>", " ", found[0]))


def test_settings_are_those_that_the_results_depend_on(finished: Workflow) -> None:
    conta, control, acting = (section(finished, run, "settings") for run in RUNS)
    assert re.search(r'cam\.backbone +"efficientnet_lite0"', conta)
    assert re.search(r'context\.method +"none" +"intervention"', control)
    free = [text.split("do not depend on:")[1] for text in (conta, control, acting)]
    for key, where in (
        ("shards", [True, True, True]),
        ("context.block", [False, True, True]),
        ("context.prior", [False, True, False]),
        ("context.intervention.recombined", [True, True, False]),
    ):
        assert [key in text for text in free] == where, key


def test_times_of_every_stage(finished: Workflow) -> None:
    for run in ("conta", "control"):
        times = section(finished, run, "times")
        assert "train_deeplab" in times
        assert "not there" not in times
    assert "deconfound" in section(finished, "conta", "times")
    assert "deconfound" not in section(finished, "control", "times")


def test_without_benchmarks(finished: Workflow, tmp_path: Path) -> None:
    """They make nothing stale; a report that is made again names them."""
    copy = Workflow(finished.code, tmp_path / "copy", finished.config)
    shutil.copytree(finished.directory, copy.directory)
    shutil.rmtree(copy.directory / "benchmarks")
    assert copy.stale() == set()
    copy.run("--forcerun", "summarise")
    times = section(copy, "control", "times")
    assert "No benchmarks" in times
    assert "benchmarks/train_cam/control/round-1.tsv" in times
    page = "results/control/report.html"
    before, after = ((w.directory / page).read_text() for w in (finished, copy))
    cut = re.compile(r'<section id="times".*?</section>', re.DOTALL)
    assert before != after
    assert cut.sub("", before) == cut.sub("", after)


def test_snakemake_report(finished: Workflow, tmp_path: Path) -> None:
    """The pages are in Snakemake's own report, by run and with their caption."""
    archive = tmp_path / "report.zip"
    finished.start("--report", str(archive), check=True)
    with zipfile.ZipFile(archive) as files:
        names = files.namelist()
        pages = [name for name in names if name.endswith("report.html") and "/data/" in name]
        assert len(pages) == len(RUNS), names
        made = {files.read(name) for name in pages}
        index = next(name for name in names if name.endswith("/report.html") and name not in pages)
        text = files.read(index).decode()
    results = finished.directory / "results"
    assert made == {(results / run / "report.html").read_bytes() for run in RUNS}
    assert "All rounds of the run control on one page" in text
