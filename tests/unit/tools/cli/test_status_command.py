from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from run_folder import RunFolder
from typer.testing import CliRunner

from conta_core.errors import ContaError
from conta_core.settings.load import load_experiments
from conta_core.tools.cli import status as command
from conta_core.tools.cli.app import app
from conta_core.tools.cli.status import FAILED
from conta_core.workflow.stages import STAGES


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """Round 0 in the middle of its random walk, as the current directory."""
    monkeypatch.chdir(tmp_path)
    made = RunFolder(tmp_path)
    made.write("results/r/context_shapes/x")
    made.write("results/r/dataset.json")
    made.done("train_cam", "extract_cams", "evaluate_cams", "make_irn_labels", "train_irn")
    made.lock()
    made.mark("refine_cams", part="1-of-1")
    line = "random walk: 75 of 300 images, 2.5/s, 1 min 30 s left"
    made.log("refine_cams", line, part="1-of-1", age=3)
    conta = {"rounds": 2, "context": {"method": "conta"}}
    recipe = {"runs": {"r": conta, "other": {"rounds": 1}}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return made


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["status", *words], env={"COLUMNS": "160"})


def rows(output: str) -> dict[str, list[str]]:
    lines = [line.split("│") for line in output.splitlines() if "│" in line]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines}


def count_stages(run: str) -> int:
    """The stages of a run of the recipe, by round."""
    experiment = load_experiments(yaml.safe_load(Path("recipe.yaml").read_text()))[run]
    rounds = range(experiment.rounds)
    every = [(s, i) for s in STAGES for i in (rounds if s.by_round else [None])]
    return sum(stage.is_needed(index, experiment) for stage, index in every)


def test_table(folder: RunFolder) -> None:
    result = run("r", "--config", "recipe.yaml")
    assert result.exit_code == 0, result.output
    every = count_stages("r")
    told = f"r: of {every} stages 7 done, 1 running, {every - 8} waiting\n"
    assert result.output.startswith(told)
    table = rows(result.output)
    assert table["index_dataset"] == ["✓ done", "", ""]
    assert table["train_irn"] == ["", "✓ done", "· waiting"]
    assert table["refine_cams"] == ["", "▶ running 25 %", "· waiting"]
    assert table["deconfound"] == ["", "· waiting", "-"]
    assert table["summarise"] == ["· waiting", "", ""]
    assert "make_coco_masks" not in table
    assert (
        "▶ round 0 refine_cams: random walk: 75 of 300 images, 2.5/s, 1 min 30 s left (3 s ago)\n"
        "  log: logs/refine_cams/r/round-0/1-of-1.log\n"
    ) in result.output.replace("(4 s", "(3 s")
    assert "rounds by recipe.yaml; what is stale: snakemake -n tells" in result.output


def test_a_failure_ends_with_3(folder: RunFolder) -> None:
    folder.log("evaluate_refined", "error: m.png: no such mask", level="ERROR")
    result = run("r")
    assert result.exit_code == FAILED == 3
    assert "✗ failed" in rows(result.output)["evaluate_refined"]
    assert (
        "  log: logs/evaluate_refined/r/round-0.log\n"
        in result.output[result.output.index("✗ round 0 evaluate_refined: m.png: no such mask") :]
    )
    assert "rounds that are there" in result.output


def test_the_folder_of_a_run(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the config.yaml beside its results/."""
    (folder.directory / "recipe.yaml").rename(folder.directory / "config.yaml")
    monkeypatch.chdir("/")
    result = run(str(folder.directory / "results" / "r") + "/")
    assert result.exit_code == 0, result.output
    assert f"rounds by {folder.directory}/config.yaml" in result.output
    assert rows(result.output)["train_irn"] == ["", "✓ done", "· waiting"]


def test_json(folder: RunFolder) -> None:
    result = run("r", "--json", "--config", "recipe.yaml")
    assert result.exit_code == 0
    content = json.loads(result.output)
    assert content["counts"]["done"] == 7
    (walk,) = [stage for stage in content["stages"] if stage["state"] == "running"]
    assert walk["progress"]["left"] == "1 min 30 s"
    assert 3 <= walk["progress"]["age"] < 60


def test_a_run_that_has_not_begun(folder: RunFolder) -> None:
    result = run("other", "--config", "recipe.yaml")
    assert result.exit_code == 0
    every = count_stages("other")
    assert result.output.startswith(f"other: of {every} stages {every} waiting\n")


def finish(folder: RunFolder) -> None:
    """Write all that is to come of round 0, and the report."""
    for stage in STAGES:
        if stage.by_round:
            folder.write(stage.path("r", 0))
    folder.write("results/r/report.html")


def test_watch_ends_when_all_is_done(folder: RunFolder) -> None:
    finish(folder)
    (folder.directory / "one.yaml").write_text("runs: {r: {rounds: 1}}")
    for more in ((), ("--json",)):
        result = run("r", "--config", "one.yaml", "--watch", "0.1", *more)
        assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) == 1


def test_watch_looks_again(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """First it runs, and while nobody looks it fails; then all is done."""
    (folder.directory / "one.yaml").write_text("runs: {r: {rounds: 1}}")
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            folder.log("refine_cams", "error: broken", part="1-of-1", level="ERROR")
            return
        finish(folder)

    monkeypatch.setattr(command.time, "sleep", sleep)
    result = run("r", "--config", "one.yaml", "--watch", "7", "--json")
    assert result.exit_code == 0, result.output
    counts = [json.loads(line)["counts"] for line in result.output.splitlines()]
    assert waits == [7, 7]
    assert [(c["running"], c["failed"]) for c in counts] == [(1, 0), (0, 1), (0, 0)]


def test_without_utf8(folder: RunFolder) -> None:
    """Plain words and signs where the terminal knows no others."""
    code = "from conta_core.tools.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "status", "r"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "120"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert b"> running 25 %" in done.stdout
    assert b"+ done" in done.stdout
    assert done.stdout.isascii()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["s"], "results/s: no such run; there are r"),
        (["results"], "results/results: no such run"),
        (["elsewhere/r"], "elsewhere/r: no folder of a run"),
        (["othr", "--config", "recipe.yaml"], r"has no run 'othr'; .*did you mean 'other'\?"),
        (["r", "--config", "no.yaml"], "no.yaml: no readable config"),
    ],
)
def test_bad_input(words: list[str], says: str, folder: RunFolder) -> None:
    result = run(*words)
    assert isinstance(result.exception, ContaError)
    with pytest.raises(ContaError, match=says):
        raise result.exception


def test_bad_usage(folder: RunFolder) -> None:
    assert run().exit_code == 2
    assert run("r", "--watch", "0").exit_code == 2


def test_it_is_quick_to_import() -> None:
    """It must not wait for torch."""
    code = "import sys, conta_core.tools.cli.status; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr
