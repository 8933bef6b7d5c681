"""Runs that go on from another's round 0: which may, and where its files are found."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from exported_run import write_exported_run
from run_folder import RunFolder, stage
from shown_run import write_shown_run

from conta_core.errors import ContaError
from conta_core.evaluation.report.benchmarks import read_benchmarks
from conta_core.settings import Experiment
from conta_core.settings.load import load_experiments
from conta_core.settings.starts import FREE
from conta_core.tools.diff.runs import compare_rounds, compare_runs
from conta_core.tools.exporting.run_files import find_round
from conta_core.tools.show.scene import View
from conta_core.tools.show.targets import show
from conta_core.tools.status.run_status import State, read_status
from conta_core.workflow.base_run import read_start, write_start
from conta_core.workflow.run_folders import round_file, round_folder, rounds_there
from conta_core.workflow.stages import BY_RULE, STAGES

#: a change of each key that a run may have beside the one that it starts from
OTHERS: dict[str, Any] = {
    "rounds": 5,
    "shards": 4,
    "context": {"method": "none", "block": 4, "size": [8, 8]},
}


def refused(runs: dict[str, Any]) -> str:
    with pytest.raises(ContaError) as raised:
        load_experiments({"runs": runs})
    return str(raised.value)


def test_runs_that_may() -> None:
    assert {*OTHERS, "start_from"} == {*FREE}
    runs = load_experiments({"runs": {"b": {"start_from": "a", **OTHERS}, "a": {"seed": 0}}})
    assert runs["b"].start_from == "a"
    assert runs["a"].start_from is None


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ({"a": {}, "b": {"start_from": "c"}}, "b: start_from is 'c': no run; name another"),
        ({"a": {"start_from": "a"}}, "'a': the run itself; name another one, there are none"),
        (
            {"a": {}, "b": {"start_from": "a"}, "c": {"start_from": "b"}},
            "runs: c: start_from is 'b', which itself starts from 'a'; name a run that has",
        ),
        (
            {"a": {}, "b": {"start_from": "a", "seed": 1, "cam": {"epochs": 2}}},
            "round 0 has other settings: seed is 1, there 0; cam.epochs is 2, there 8; give both",
        ),
        (
            {"a": {}, "b": {"start_from": "a", "dataset": {"confounding": 0.5}}},
            "dataset.confounding is 0.5, there 0.9",
        ),
        (
            {"a": {}, "b": {"start_from": "a", "irn": {"label_crf": {"iterations": 2}}}},
            "irn.label_crf.iterations is 2, there 10",
        ),
        ({"a": {}, "b": {"start_from": 3}}, "start_from is 3"),
    ],
)
def test_runs_that_may_not(runs: dict[str, Any], told: str) -> None:
    assert told in refused(runs)


@pytest.mark.parametrize("key", sorted({*Experiment.model_fields} - {*FREE}))
def test_every_other_key_must_be_equal(key: str) -> None:
    changes = {"seed": 1, "pseudo_masks": {"crf": False}, "dataset": {"name": "x"}}
    changes["reliance_images"] = 1
    change = changes.get(key, {"epochs": 2} if key in ("cam", "irn", "segmentation") else None)
    change = {"refinement": {"steps": 2}, "crf": {"iterations": 2}}.get(key, change)
    assert f"other settings: {key}" in refused({"a": {}, "b": {"start_from": "a", key: change}})


# The note.


def test_note(tmp_path: Path) -> None:
    assert read_start(tmp_path) is None
    for name in ("control-c90-s0", None):
        write_start(tmp_path / "start.json", "conta-c90-s0", name)
        assert read_start(tmp_path) == name


@pytest.mark.parametrize("text", ["", "{}", '{"format": "conta-start", "format_version": 1}'])
def test_no_note(tmp_path: Path, text: str) -> None:
    (tmp_path / "start.json").write_text(text)
    with pytest.raises(ContaError, match=r"start\.json: not a note of a start .* delete it"):
        read_start(tmp_path)


@pytest.mark.parametrize("name", ["../up", "a/b", "", "a b"])
def test_note_of_a_path(tmp_path: Path, name: str) -> None:
    write_start(tmp_path / "start.json", "r", name)
    with pytest.raises(ContaError, match="start_from"):
        read_start(tmp_path)


# Where the files are.


def test_owner_of_every_stage() -> None:
    """The made data set, and of round 0 what leads to the masks; the rest is the run's own."""
    of_method = {"measure_objects", "build_confounders", "deconfound"}
    own = {"note_base_run", "index_dataset", *of_method, "summarise"}
    for one in STAGES:
        first = 0 if one.by_round else None
        assert one.owner("r", first, None) == "r"
        assert one.owner("r", first, "a") == ("r" if one.name in own else "a"), one.name
        if one.by_round:
            assert one.owner("r", 1, "a") == "r"
    assert BY_RULE["gather_cams"] is BY_RULE["extract_cams"]


def share(run: Path, other: str = "base") -> Path:
    """Give round 0 of a run, but for its context, to another run beside it."""
    target = run.with_name(other) / "round-0"
    target.mkdir(parents=True)
    for path in (run / "round-0").iterdir():
        if path.name != "context":
            shutil.move(path, target / path.name)
    shutil.copy(run / "dataset.json", target.parent)
    if not any((run / "round-0").iterdir()):
        (run / "round-0").rmdir()
    write_start(run / "start.json", run.name, other)
    return run


def test_files_of_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_shown_run(tmp_path)
    whole = [round_file(round_folder(run, i), "cam/cams.h5") for i in (0, 1)]
    assert whole == [run / "round-0/cam/cams.h5", run / "round-1/cam/cams.h5"]
    share(run)
    base = run.with_name("base")
    assert round_file(run / "round-0", "cam/cams.h5") == base / "round-0/cam/cams.h5"
    assert round_file(run / "round-0", "pseudo_masks") == base / "round-0/pseudo_masks"
    assert round_file(run / "round-0", "context/context.h5") == run / "round-0/context/context.h5"
    assert round_file(run / "round-1", "cam/cams.h5") == run / "round-1/cam/cams.h5"
    assert rounds_there(run) == [0, 1]
    monkeypatch.chdir(run)
    assert round_file(Path("round-0"), "cam/cams.h5") == base / "round-0/cam/cams.h5"
    shutil.rmtree(run / "round-0")
    assert rounds_there(run) == [0, 1]
    shutil.rmtree(base)
    assert rounds_there(run) == [1]


def test_show(tmp_path: Path) -> None:
    """The same sheet as of a run that has its own round 0."""
    run = write_shown_run(tmp_path)

    def pixels() -> list[bytes]:
        drawn = show(run, "photo_a", View()).figure.axes[0]
        return [bytes(image.get_array()) for image in drawn.images]

    before = pixels()
    share(run)
    assert pixels() == before


def test_diff(tmp_path: Path) -> None:
    one, two = (write_shown_run(tmp_path / name) for name in "ab")
    share(two)
    assert compare_runs(one, two).equal
    found = compare_rounds(one / "round-0", two / "round-0")
    assert found.equal
    assert "cam/cams.h5" in found.files


def test_export(tmp_path: Path) -> None:
    run = share(write_exported_run(tmp_path / "results" / "mine"))
    assert find_round(run).index == 1
    first = find_round(run, 0)
    assert first.pseudo_masks == run.with_name("base") / "round-0" / "pseudo_masks"
    assert first.model.is_file()
    assert find_round(share(write_exported_run(tmp_path / "results" / "one", 1), "b2")).index == 0


def test_status(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    experiment = load_experiments({"runs": {"a": {}, "r": {"rounds": 2, "start_from": "a"}}})["r"]
    for name in ("make_context_shapes", "train_cam", "build_confounders"):
        folder.write(stage(name).path("a", 0), "")
    folder.write(stage("index_dataset").path("r", None))
    folder.done("build_confounders")
    found = read_status(tmp_path, "r", experiment, "x.yaml")
    by_name = {(s.stage, s.round): s for s in found.stages}
    done = {key for key, s in by_name.items() if s.state is State.DONE}
    assert done == {
        ("make_context_shapes", None),
        ("index_dataset", None),
        ("train_cam", 0),
        ("build_confounders", 0),
    }
    assert by_name["train_cam", 0].output == "results/a/round-0/cam/model.safetensors"
    assert by_name["train_cam", 1].output == "results/r/round-1/cam/model.safetensors"
    assert by_name["build_confounders", 0].output == "results/r/round-0/context/confounders.h5"
    assert found.start_from == "a"
    # without a config the note says so
    write_start(tmp_path / "results/r/start.json", "r", "a")
    found = read_status(tmp_path, "r", None)
    assert (found.start_from, found.rounds) == ("a", 1)
    assert found.stages[0].state is State.DONE


def test_running_round_0_of_the_other(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    experiment = load_experiments({"runs": {"a": {}, "r": {"start_from": "a"}}})["r"]
    folder.write("logs/extract_cams/a/round-0/1-of-1.log", "2026-01-01 00:00:00,1 ERROR x: bad\n")
    found = read_status(tmp_path, "r", experiment)
    (cams,) = [s for s in found.stages if (s.stage, s.round) == ("extract_cams", 0)]
    assert (cams.state, cams.error) == (State.FAILED, "bad")
    assert cams.log == "logs/extract_cams/a/round-0/1-of-1.log"


def test_benchmarks(tmp_path: Path) -> None:
    missing = read_benchmarks(str(tmp_path), "r", 2, "a").missing
    found = {str(Path(path).relative_to(tmp_path)) for path in missing}
    assert {"index_dataset/r.tsv", "train_cam/a/round-0.tsv", "train_cam/r/round-1.tsv"} <= found
    assert not {"train_cam/r/round-0.tsv", "gather_cams/r/round-0.tsv"} & found
