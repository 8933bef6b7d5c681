"""Runs whose CAMs or pseudo-masks of round 0 other code made."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_runs import Work, Workflow, reduced
from typer.testing import CliRunner

from conta_core.images.masks import read_label_png
from conta_core.settings.pseudo_masks import BEFORE
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.cli.app import app

#: what writes a store's maps as IRNet has them; it knows nothing of this library
WRITER = """
import sys, h5py, numpy as np
store, folder, kind = sys.argv[1:]
with h5py.File(store) as file:
    for name in file:
        if not isinstance(file[name], h5py.Group):
            continue
        keys, cam, high = (file[name][key][()] for key in ("keys", "cam", "high_res"))
        if kind == "torch":
            import torch
            keys, cam = torch.from_numpy(keys), torch.from_numpy(cam)
        np.save(f"{folder}/{name}.npy", {"keys": keys, "cam": cam, "high_res": high.astype("f4")})
"""
SOURCES = ("numpy", "torch")
STORE = "results/own/round-0/cam/cams.h5"
ONE_ROUND: dict[str, Any] = {"rounds": 1, "reliance_images": 0, "context": {"method": "none"}}
#: a run makes the CAMs; the others read them, as files of others and as the store itself
RUNS: dict[str, Any] = {
    "own": ONE_ROUND,
    **{kind: {**ONE_ROUND, "cam": {"method": "imported", "source": kind}} for kind in SOURCES},
    "store": {**ONE_ROUND, "cam": {"method": "imported", "source": STORE}},
}
TARGETS = [f"results/{run}/round-0/pseudo_masks" for run in ("own", *SOURCES)]


def masks(workflow: Workflow, run: str) -> dict[str, bytes]:
    folder = workflow.directory / f"results/{run}/round-0/pseudo_masks"
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.png"))}


def write_files(workflow: Workflow, kind: str) -> Path:
    folder = workflow.directory / kind
    folder.mkdir()
    words = [sys.executable, "-c", WRITER, str(workflow.directory / STORE), str(folder), kind]
    subprocess.run(words, check=True)
    return folder


@pytest.mark.slow
def test_the_same_maps_give_the_same_masks(fresh: Callable[..., Workflow]) -> None:
    """Files of others in two forms, and the store: to the byte."""
    workflow = fresh(reduced({"own": RUNS["own"]}))
    workflow.run(TARGETS[0])
    for kind in SOURCES:
        assert len(list(write_files(workflow, kind).iterdir())) == 18
    workflow = replace(workflow, config=reduced(RUNS))
    workflow.run(*TARGETS, "results/store/round-0/cam/cams.h5")
    expected = masks(workflow, "own")
    assert len(expected) == 12
    assert any((read_label_png(p) > 0).any() for p in (workflow.directory / TARGETS[0]).iterdir())
    for run in RUNS:
        assert run == "store" or masks(workflow, run) == expected
        cams = workflow.directory / f"results/{run}/round-0/cam/cams.h5"
        assert run == "own" or not (cams.parent / "model.safetensors").exists()
        with (
            StoreReader(cams, "cams") as found,
            StoreReader(workflow.directory / STORE, "cams") as own,
        ):
            for image_id in own.image_ids:
                for name in ("keys", "cam", "high_res"):
                    np.testing.assert_array_equal(
                        found.read(image_id, name), own.read(image_id, name), strict=True
                    )


def test_plans(fresh: Callable[..., Workflow]) -> None:
    """What each run needs, before its files are there."""
    asked = {"reliance_images": 4, "context": {"method": "intervention"}}
    workflow = fresh(
        reduced(
            {
                "own": ONE_ROUND,
                "plain": {**ONE_ROUND, "cam": {"method": "imported", "source": STORE}},
                "asking": {**asked, "rounds": 2, "cam": {"method": "imported", "source": "cams"}},
                "masks": {
                    "rounds": 2,
                    "reliance_images": 0,
                    "context": {"method": "intervention", "intervention": {"threshold": "fixed"}},
                    "pseudo_masks": {"imported": "masks"},
                },
            }
        )
    )
    found = workflow.stale()
    rules = {
        run: {work.rule for work in found if work.run == run and work.round == 0}
        for run in ("own", "plain", "asking", "masks")
    }
    # no classifier where nothing asks it; the store of the other run is made first
    assert rules["own"] - rules["plain"] == {"train_cam"}
    assert "train_cam" in rules["asking"]
    assert {"evaluate_reliance", "measure_objects", "extract_cams"} <= rules["asking"]
    assert not rules["masks"] & {*BEFORE, "gather_cams", "gather_labels", "gather_refined"}
    assert {"make_pseudo_masks", "train_cam", "measure_objects", "train_deeplab"} <= rules["masks"]
    for run in ("asking", "masks"):
        later = {work.rule for work in found if work.run == run and work.round == 1}
        assert {*BEFORE, "train_cam"} <= later
    plan = workflow.stale("results/plain/round-0/cam/cams.h5")
    assert Work("gather_cams", "own", 0) in plan
    changes = {"runs": {"plain": {"cam": {"scales": [2.0]}}}}
    assert workflow.stale(changes=changes) == found


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"cam": {"method": "imported"}}, "cam.source is null; name the CAMs that other code made"),
        ({"pseudo_masks": {"imported": "m"}, "context": {"method": "intervention"}},
         "pseudo_masks.imported is 'm', so round 0 has no refined CAMs, but context.intervention."
         "threshold is same_area, which measures its objects on them; give context: {intervention: "
         "{threshold: fixed}}"),
        ({"pseudo_masks": {"imported": "m"}, "cam": {"method": "imported", "source": "x"}},
         "cam.method is imported; give one of the two"),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_together(
    fresh: Callable[..., Workflow], changes: dict[str, Any], says: str
) -> None:
    done = fresh(reduced({"r": {"rounds": 2}})).start("-n", changes=changes)
    assert done.returncode != 0
    assert says in done.stdout
    assert "Traceback" not in done.stdout


def test_what_is_not_there_is_told_before_the_first_stage(
    fresh: Callable[..., Workflow],
) -> None:
    workflow = fresh(reduced({"r": {"rounds": 1}}))
    for changes, says in (
        ({"cam": {"method": "imported", "source": "cams"}}, "cam.source is 'cams': no such folder"),
        ({"cam": {"method": "imported", "source": "c.h5"}}, "cam.source is 'c.h5': no such file"),
        ({"pseudo_masks": {"imported": "m"}}, "pseudo_masks.imported is 'm': no such folder; name"),
    ):
        done = workflow.start("--cores", "1", changes=changes)
        assert done.returncode != 0
        assert f"run r: {says}" in done.stdout
        assert not (workflow.directory / "results").exists()


def test_files_that_a_run_does_not_make_cannot_be_asked_for(
    fresh: Callable[..., Workflow],
) -> None:
    workflow = fresh(reduced({"r": {"rounds": 1}}, pseudo_masks={"imported": "m"}))
    done = workflow.start("-n", "results/r/round-0/irn/refined.h5")
    assert done.returncode != 0
    assert "pseudo_masks.imported is 'm', which has no refine_cams in round 0" in done.stdout


@pytest.mark.slow
def test_whole_runs(fresh: Callable[..., Workflow], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rounds: CAMs of the training list alone, and grey pseudo-masks."""
    workflow = fresh(reduced({"own": {**ONE_ROUND, "reliance_images": 0}}))
    workflow.run("results/own/round-0/pseudo_masks")
    cams, given = write_files(workflow, "numpy"), workflow.directory / "given"
    for path in cams.glob("val_*"):
        path.unlink()
    given.mkdir()
    for path in (workflow.directory / TARGETS[0]).glob("*.png"):
        Image.fromarray(read_label_png(path)).save(given / path.name)
    fixed = {"method": "intervention", "intervention": {"threshold": "fixed"}}
    shared = {"rounds": 2, "reliance_images": 4}
    runs = {
        "cams": {
            **shared,
            "context": {"method": "intervention"},
            "cam": {"method": "imported", "source": "numpy"},
        },
        "masks": {**shared, "context": fixed, "pseudo_masks": {"imported": "given"}},
    }
    workflow = replace(workflow, config=reduced(runs))
    workflow.run()
    assert workflow.stale() == set()
    assert masks(workflow, "cams") == masks(workflow, "masks") == masks(workflow, "own")

    results = workflow.directory / "results"
    scores = json.loads((results / "cams/round-0/scores/cam.json").read_text())
    assert scores["lists"]["train"]["miou"] is not None
    assert scores["lists"]["val"]["miou"] is None
    assert scores["lists"]["val"]["why"].startswith(
        "the CAMs were read from files, which have none"
    )
    assert set(scores["confounding"]) == {"train"}
    later = json.loads((results / "cams/round-1/scores/cam.json").read_text())
    assert later["lists"]["val"]["miou"] is not None
    for run in runs:
        for index in range(2):
            path = results / f"{run}/round-{index}/scores/reliance.json"
            assert json.loads(path.read_text())["images"] == 4
        page = (results / run / "report.html").read_text()
        assert "no benchmark" not in page
    # the same classifier, whose P(class) is read of its CAMs in neither of them
    first = [
        json.loads((results / f"{run}/round-0/scores/reliance.json").read_text()) for run in runs
    ]
    assert first[0]["classes"] == first[1]["classes"]
    assert not (results / "masks/round-0/cam/cams.h5").exists()
    assert not (results / "masks/round-0/irn").exists()

    monkeypatch.chdir(workflow.directory)
    image, other = sorted(given.glob("*.png"))[0].stem, "val_000000"
    for words in (
        *(("status", f"results/{run}") for run in runs),
        *(("show", f"results/{run}", image, "-o", f"{run}.png") for run in runs),
        *(("show", f"results/{run}", other, "-o", f"{run}-val.png") for run in runs),
        ("inspect", "results/cams/round-0/cam/cams.h5", "--check"),
        ("diff", "results/cams", "results/masks"),
        ("export", "results/masks", "-f", "voc", "-o", "exported"),
    ):
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 0, (words, done.output, done.exception)

    # what hangs on what
    source = {"runs": {"cams": {"cam": {"source": "./numpy"}}}}
    changed = {work.rule for work in workflow.stale(changes=source) if work.round == 0}
    assert "extract_cams" in changed
    assert not changed & {"train_cam", "index_dataset"}
    later = {"runs": {"masks": {"pseudo_masks": {"background_threshold": 0.4}}}}
    found = workflow.stale(changes=later)
    assert Work("make_pseudo_masks", "masks", 1) in found
    assert not {work for work in found if work.round == 0}
    (cams / "train_000000.npy").rename(cams / "train_000000.txt")
    done = workflow.start("--cores", "1", "results/cams/round-0/cam/cams.h5")
    assert done.returncode != 0
    assert "numpy: lacks the CAMs of 1 of 12 images, among them ['train_000000']" in done.stdout
    shutil.rmtree(given)
    given.mkdir()
    done = workflow.start("--cores", "1", "results/masks/round-0/pseudo_masks")
    assert done.returncode != 0
    assert "given: lacks the masks of 12 of 12 training images" in done.stdout
