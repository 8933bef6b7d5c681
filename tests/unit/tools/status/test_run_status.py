from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from run_folder import RunFolder, stage

from conta_core.settings import Experiment
from conta_core.settings.load import load_experiments
from conta_core.tools.status.run_status import SILENCE, StageStatus, State, read_status
from conta_core.tools.status.snakemake_notes import SnakemakeNotes


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def experiment(**changes: Any) -> Experiment:
    base = {"rounds": 2, "context": {"method": "conta"}}
    return load_experiments({"runs": {"r": {**base, **changes}}})["r"]


def look(folder: RunFolder, name: str, index: int | None = 0, **changes: Any) -> StageStatus:
    status = read_status(folder.directory, "r", experiment(**changes), "a.yaml")
    (found,) = [s for s in status.stages if (s.stage, s.round) == (name, index)]
    return found


def test_nothing_there(folder: RunFolder) -> None:
    status = read_status(folder.directory, "r", experiment(), "a.yaml")
    assert (status.rounds, status.rounds_from) == (2, "a.yaml")
    assert status.count(State.WAITING) == status.needed == 2 * 17 - 2 + 3
    unneeded = {(s.stage, s.round) for s in status.stages if s.state is State.NOT_NEEDED}
    once = {("make_coco_masks", None), ("note_base_run", None)}
    of_others = {(name, i) for name in ("train_recam", "measure_objects") for i in range(2)}
    assert unneeded == {*once, *of_others, ("build_confounders", 1), ("deconfound", 1)}


def test_stages_of_the_experiment(folder: RunFolder) -> None:
    control = experiment(context={"method": "none"}, dataset={"format": "coco", "root": "c"})
    status = read_status(folder.directory, "r", control)
    unneeded = [s.stage for s in status.stages if s.state is State.NOT_NEEDED]
    of_others = ["train_recam", "measure_objects", "build_confounders", "deconfound"]
    assert unneeded == ["make_context_shapes", "note_base_run", *of_others * 2]


@pytest.mark.parametrize(
    ("change", "rounds"),
    [
        ({}, [0, 1]),  # for the next classifier, and for the last round's segmentation model
        ({"segmentation_recombined": 0.0}, [0]),
        ({"ownership": "ignored"}, []),
        ({"object_masks": "truth"}, []),
        # for the next classifier alone
        ({"ownership": "ignored", "balance": "propensity"}, [0]),
        ({"object_masks": "truth", "balance": "propensity"}, [0]),
    ],
)
def test_rounds_that_measure_objects(
    folder: RunFolder, change: dict[str, Any], rounds: list[int]
) -> None:
    context = {"method": "intervention", "intervention": change}
    status = read_status(folder.directory, "r", experiment(context=context))
    needed = [s for s in status.stages if s.state is not State.NOT_NEEDED]
    assert [s.round for s in needed if s.stage == "measure_objects"] == rounds


def test_a_classifier_that_makes_m_has_no_deconfound(folder: RunFolder) -> None:
    status = read_status(
        folder.directory, "r", experiment(context={"method": "conta", "learning": "classifier"})
    )
    needed = [(s.stage, s.round) for s in status.stages if s.state is not State.NOT_NEEDED]
    assert ("build_confounders", 0) in needed
    assert ("deconfound", 0) not in needed


def test_done(folder: RunFolder) -> None:
    folder.done("train_cam", "extract_cams", "make_pseudo_masks")
    folder.log("train_cam", "CAMs: 3 images in 2.0 s")
    found = look(folder, "train_cam")
    assert (found.state, found.log) == (State.DONE, "logs/train_cam/r/round-0.log")
    assert look(folder, "extract_cams").state is State.DONE
    assert look(folder, "make_pseudo_masks").state is State.DONE
    assert look(folder, "train_cam", 1).state is State.WAITING


def test_running(folder: RunFolder) -> None:
    folder.lock()
    folder.mark("train_cam", age=40)
    folder.log(
        "train_cam",
        "frozen features: 19 batches in 2.0 s",
        "CAM classifier: 73 of 171 passes, 7.2/s, 1 min 03 s left",
        "CAM classifier: epoch 4: loss 0.1045",
        age=5,
    )
    found = look(folder, "train_cam")
    assert found.state is State.RUNNING
    assert found.note == "CAM classifier: epoch 4: loss 0.1045"
    progress = found.progress
    assert progress is not None
    assert (progress.what, progress.done, progress.total) == ("CAM classifier", 73, 171)
    assert (progress.unit, progress.rate, progress.left) == ("passes", 7.2, "1 min 03 s")
    assert progress.age == pytest.approx(15, abs=3)


def test_running_without_a_lock(folder: RunFolder) -> None:
    """Snakemake --nolock: a log that was written just now is enough, an old one is not."""
    folder.mark("train_irn", age=3 * SILENCE)
    folder.log("train_irn", "IRN: 1 of 76 passes", age=SILENCE / 2)
    found = look(folder, "train_irn")
    assert found.state is State.RUNNING
    assert found.progress is not None
    assert (found.progress.done, found.progress.rate, found.progress.left) == (1, None, None)
    folder.log("train_irn", "IRN: 1 of 76 passes", age=2 * SILENCE)
    assert look(folder, "train_irn").state is State.STOPPED


def test_silent_under_a_lock(folder: RunFolder) -> None:
    folder.lock()
    folder.mark("deconfound", age=900)
    folder.log("deconfound", "begins", age=720)
    found = look(folder, "deconfound")
    assert found.state is State.RUNNING
    assert found.note is not None
    assert found.note.startswith("silent for 12 min")


def test_started_or_in_the_queue(folder: RunFolder) -> None:
    """The log is of an earlier attempt, and so is its error."""
    folder.lock()
    folder.log("train_irn", "error: too little memory", level="ERROR", age=600)
    folder.mark("train_irn", job="4711")
    found = look(folder, "train_irn")
    assert (found.state, found.error) == (State.RUNNING, None)
    assert found.note == "cluster job 4711, no line in its log yet"


def test_failed(folder: RunFolder) -> None:
    folder.log("train_irn", "IRN: 1 of 76 passes", "IRN: 5 of 76 passes, 1.0/s, 1 min 11 s left")
    path = folder.directory / "logs/train_irn/r/round-0.log"
    text = (
        "2026-01-01 00:00:00,000 ERROR conta_core: error: a.jpg: missing; put it there\n"
        "  - and more\n"
    )
    path.write_text(path.read_text() + text)
    found = look(folder, "train_irn")
    assert found.state is State.FAILED
    assert found.error == "a.jpg: missing; put it there"
    assert found.log == "logs/train_irn/r/round-0.log"


def test_failed_with_a_traceback(folder: RunFolder) -> None:
    folder.write(
        "logs/train_irn/r/round-0.log",
        "2026-01-01 00:00:00,000 ERROR conta_core: r round 0 train_irn failed\n"
        "Traceback (most recent call last):\n"
        '  File "x.py", line 1, in <module>\n'
        "KeyError: 'a'\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\n"
        '  File "x.py", line 3, in <module>\n'
        "    raise ValueError\n"
        "ValueError: no such class\n",
    )
    assert look(folder, "train_irn").error == "ValueError: no such class"


def test_killed_says_snakemake(folder: RunFolder) -> None:
    """Its own log tells no error: for want of memory, say."""
    folder.log("refine_cams", "random walk: 1 of 300 images", part="1-of-1")
    folder.log("train_deeplab", "DeepLab: 1 of 300 passes")
    folder.write(
        ".snakemake/log/2026-01-02T000000.000000.snakemake.log",
        "Error in rule train_deeplab:\n    jobid: 3\n    input: results/r/dataset.json\n"
        "    output: results/r/round-0/segmentation/model.safetensors\n"
        "    log: logs/train_deeplab/r/round-0.log (check log file(s) for error details)\n\n"
        "Shutting down, this might take some time.\n"
        "    output: results/r/round-0/irn/model.safetensors\n",
    )
    folder.write(
        ".snakemake/log/2026-01-01T000000.000000.snakemake.log",
        "Error in rule train_cam:\n    output: results/r/round-0/cam/model.safetensors\n",
    )
    found = look(folder, "train_deeplab")
    assert found.state is State.FAILED
    assert found.error is not None
    assert "killed" in found.error
    assert found.note == "see .snakemake/log/2026-01-02T000000.000000.snakemake.log"
    assert look(folder, "train_irn").state is State.WAITING
    assert look(folder, "train_cam").state is State.WAITING


def test_stopped(folder: RunFolder) -> None:
    folder.log("train_cam", "CAM classifier: SIGTERM came; ends after step 5 of 9", age=900)
    folder.write("checkpoints/train_cam/r/round-0.pt")
    assert look(folder, "train_cam").state is State.STOPPED
    folder.mark("train_cam", age=1000)
    folder.lock()
    found = look(folder, "train_cam")
    assert (found.state, found.note) == (
        State.STOPPED,
        "its state is kept, and it goes on from it",
    )


def test_stopped_before_its_first_line(folder: RunFolder) -> None:
    folder.mark("train_cam")
    assert look(folder, "train_cam").state is State.STOPPED


def test_lost_outputs_wait(folder: RunFolder) -> None:
    """The log of a stage that was done and whose output was deleted."""
    folder.log("train_cam", "CAM classifier: 171 passes in 23.2 s", age=5)
    folder.lock()
    assert look(folder, "train_cam").state is State.WAITING


def parts(folder: RunFolder, name: str = "refine_cams") -> None:
    folder.lock()
    folder.write(stage(name).part("r", 0, "1-of-4"))
    folder.write(stage(name).part("r", 0, ".2-of-4.unfinished"))
    for part, done in (("2-of-4", 30), ("3-of-4", 10)):
        folder.mark(name, part=part)
        line = f"random walk: {done} of 75 images, 1.5/s, {75 - done}.0 s left"
        folder.log(name, line, part=part)


def test_parts(folder: RunFolder) -> None:
    parts(folder)
    found = look(folder, "refine_cams", shards=4)
    assert (found.state, found.parts) == (State.RUNNING, (1, 4))
    assert found.progress is not None
    assert (found.progress.done, found.progress.total) == (40, 150)
    assert (found.progress.rate, found.progress.left) == (3.0, "65.0 s")
    assert found.log == "logs/refine_cams/r/round-0/2-of-4.log"
    without = [s for s in read_status(folder.directory, "r", None).stages if s.parts]
    assert [(s.stage, s.state, s.parts) for s in without] == [
        ("refine_cams", State.RUNNING, (1, 4))
    ]


def test_a_failed_part(folder: RunFolder) -> None:
    parts(folder)
    folder.log("refine_cams", "error: disk full", part="3-of-4", level="ERROR")
    found = look(folder, "refine_cams", shards=4)
    assert (found.state, found.parts, found.error) == (State.FAILED, (1, 4), "disk full")
    assert found.log == "logs/refine_cams/r/round-0/3-of-4.log"


def test_a_stopped_part(folder: RunFolder) -> None:
    folder.write(stage("extract_cams").part("r", 0, ".1-of-1.unfinished"))
    found = look(folder, "extract_cams")
    assert (found.state, found.parts) == (State.STOPPED, None)
    assert found.note == "its images are kept, and it goes on from them"


def test_parts_that_wait_to_be_gathered(folder: RunFolder) -> None:
    for part in ("1-of-2", "2-of-2"):
        folder.write(stage("extract_cams").part("r", 0, part))
    found = look(folder, "extract_cams", shards=2)
    assert (found.state, found.parts) == (State.WAITING, (2, 2))
    folder.lock()
    folder.mark("extract_cams")
    folder.log("extract_cams", "gathering: 1 of 450 images")
    found = look(folder, "extract_cams", shards=2)
    assert found.state is State.RUNNING
    assert found.log == "logs/gather_cams/r/round-0.log"


def test_without_a_config(folder: RunFolder) -> None:
    """Rounds that are there, and of the stages that not every run has only what is there."""
    folder.done("train_cam", index=0)
    folder.log("train_cam", "begins", index=1)
    folder.log("deconfound", "error: it broke", level="ERROR")
    status = read_status(folder.directory, "r", None, "other.yaml")
    assert (status.rounds, status.rounds_from) == (2, None)
    found = {(s.stage, s.round): s.state for s in status.stages}
    assert found["deconfound", 0] is State.FAILED
    assert found["deconfound", 1] is State.NOT_NEEDED
    assert found["make_coco_masks", None] is State.NOT_NEEDED
    assert found["train_irn", 1] is State.WAITING


def test_stages_that_a_seed_or_refinement_does_without(folder: RunFolder) -> None:
    """Without a config, what was to read them tells: it is there without them."""
    lacking = {"train_cam", "train_recam", "make_irn_labels", "train_irn"}

    def waiting() -> set[str]:
        stages = read_status(folder.directory, "r", None).stages
        return {s.stage for s in stages if s.state is State.WAITING} & lacking

    folder.log("extract_cams", "CAMs: 1 of 3 images")
    assert waiting() == lacking
    folder.done("extract_cams", "refine_cams")
    assert waiting() == set()
    folder.log("train_cam", "CAMs: 3 images in 2.0 s")  # it was there, and its model was lost
    assert waiting() == {"train_cam"}


def test_stages_that_imported_pseudo_masks_do_without(folder: RunFolder) -> None:
    """Without a config, the masks tell it; scores of what is there are waited for."""
    cams = {"extract_cams", "evaluate_cams"}
    refined = {"make_irn_labels", "train_irn", "refine_cams", "evaluate_refined"}

    def waiting() -> set[str]:
        stages = read_status(folder.directory, "r", None).stages
        return {s.stage for s in stages if s.state is State.WAITING} & (cams | refined)

    folder.log("train_cam", "CAM classifier: 1 of 3 passes")
    assert waiting() == cams | refined
    folder.done("make_pseudo_masks")
    assert waiting() == set()
    folder.done("extract_cams")
    assert waiting() == {"evaluate_cams"}


def test_a_log_that_is_no_log(folder: RunFolder) -> None:
    folder.lock()
    folder.mark("train_cam")
    folder.write("logs/train_cam/r/round-0.log", "\0\xff nonsense\n: 3 of 4\n")
    folder.write(".snakemake/incomplete/x", "{")
    found = look(folder, "train_cam")
    assert (found.state, found.progress) == (State.RUNNING, None)


def test_long_paths_have_marks_too(tmp_path: Path) -> None:
    """Snakemake splits the name of a mark that is longer than a file name can be."""
    output = "results/" + "r" * 250 + "/x"
    place = tmp_path / ".snakemake/incomplete"
    encoded = urlsafe_b64encode(output.encode()).decode()
    file = place / f"@{encoded[:254]}" / encoded[254:]
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    assert SnakemakeNotes(tmp_path).mark(output) is not None
    assert SnakemakeNotes(tmp_path).mark("results/r/x") is None


def test_json(folder: RunFolder) -> None:
    parts(folder)
    content = json.loads(json.dumps(read_status(folder.directory, "r", experiment()).as_json()))
    assert content["counts"]["running"] == 0  # of one part it knows nothing: the config says 1
    content = json.loads(
        json.dumps(read_status(folder.directory, "r", experiment(shards=4)).as_json())
    )
    (walk,) = [s for s in content["stages"] if s["state"] == "running"]
    assert (walk["stage"], walk["round"], walk["parts"]) == ("refine_cams", 0, [1, 4])
    assert walk["progress"]["done"] == 40
