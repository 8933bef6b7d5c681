"""A run with ReCAM's seeds: the stage train_recam, what it makes, and what makes it stale."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml
from stale_work import (
    EXTRACT_CAMS,
    MAKE_CONTEXT_SHAPES,
    MEASURE_OBJECTS,
    SUMMARISE,
    TRAIN_CAM,
    TRAIN_RECAM,
    jobs,
    statement_in,
)
from tiny_runs import REPOSITORY, Work, Workflow, edited
from typer.testing import CliRunner

from conta_core.storage.model_files import read_metadata
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.cli.app import app

RUN = "reduced-recam"
CONFIG: dict[str, Any] = yaml.safe_load((REPOSITORY / "tests/reduced/recam.yaml").read_text())
EVERY_ROUND = TRAIN_CAM | TRAIN_RECAM | MEASURE_OBJECTS


def from_round_0(rules: set[str]) -> set[Work]:
    """A stage before the pseudo-masks in round 0 changes everything of round 1."""
    return jobs(RUN, {0: rules | MEASURE_OBJECTS, 1: EVERY_ROUND, None: SUMMARISE})


def from_round_1(rules: set[str]) -> set[Work]:
    return jobs(RUN, {1: rules | MEASURE_OBJECTS, None: SUMMARISE})


#: a change of the config -> exactly what runs
CHANGES: dict[str, tuple[dict[str, Any], set[Work]]] = {
    "nothing": ({}, set()),
    "cam.recam_epochs": ({"cam": {"recam_epochs": 2}}, from_round_0(TRAIN_RECAM)),
    "cam.recam_weight": ({"cam": {"recam_weight": 0.1}}, from_round_0(TRAIN_RECAM)),
    "cam.learning_rate": (
        {"cam": {"learning_rate": 0.02}},
        from_round_0(TRAIN_CAM | TRAIN_RECAM),
    ),
    "cam.crop": ({"cam": {"crop": 48}}, from_round_0(TRAIN_CAM | TRAIN_RECAM)),
    "cam.scales": ({"cam": {"scales": [1.0, 0.5]}}, from_round_0(EXTRACT_CAMS)),
    "context.intervention.recombined": (
        {"context": {"intervention": {"recombined": 0.3}}},
        from_round_1(TRAIN_CAM | TRAIN_RECAM),
    ),
    "context.method, intervention to conta": (
        {"context": {"method": "conta"}},
        jobs(
            RUN,
            {
                0: {"build_confounders", "deconfound"},
                1: TRAIN_CAM | TRAIN_RECAM,
                None: SUMMARISE,
            },
        ),
    ),
}


@pytest.fixture(scope="session")
def recam(make_once: Callable[..., Workflow]) -> Workflow:
    """The finished run; read it, or dry-run it."""
    return make_once("recam", CONFIG)


def test_the_plan(fresh: Callable[..., Workflow]) -> None:
    everything = {0: EVERY_ROUND, 1: EVERY_ROUND, None: MAKE_CONTEXT_SHAPES | SUMMARISE}
    # no round reads what the last one's objects are worth, unless its own segmentation does
    assert fresh(CONFIG).stale() == jobs(RUN, everything)


def test_other_seeds_have_no_such_stage(fresh: Callable[..., Workflow]) -> None:
    file = f"results/{RUN}/round-0/cam/recam.safetensors"
    other = {**CONFIG, "cam": {"method": "classifier"}}
    done = fresh(other).start("-n", file)
    assert done.returncode != 0
    assert "cam.method is 'classifier', which has no train_recam in round 0" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_change_of_a_config_key(recam: Workflow, change: str) -> None:
    changes, expected = CHANGES[change]
    assert recam.stale(changes=changes) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "definition", "expected"),
    [
        ("seeds/recam_training.py", "softmax_loss", from_round_0(TRAIN_RECAM)),
        ("networks/recam_net.py", "RecamNet", from_round_0(TRAIN_RECAM)),
        (
            "seeds/classifier_training.py",
            "ClassifierTraining",
            from_round_0(TRAIN_CAM | TRAIN_RECAM),
        ),
        ("seeds/seam.py", "Seam", set()),
    ],
)
def test_edit_of_a_definition(
    recam: Workflow, module: str, definition: str, expected: set[Work]
) -> None:
    with edited(recam.code / "conta_core" / module, statement_in(definition)):
        assert recam.stale() == expected


@pytest.mark.slow
def test_the_finished_run(recam: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = recam.directory / f"results/{RUN}"
    for index in range(2):
        place = folder / f"round-{index}"
        kinds = {
            name: read_metadata(place / f"cam/{name}.safetensors")[0] for name in ("model", "recam")
        }
        assert kinds == {"model": "cam", "recam": "recam"}
        with StoreReader(place / "cam/cams.h5", "cams") as store:
            assert len(store.image_ids) == 36
            found = store.read(store.image_ids[0], "probability")
        assert found.shape == (6,)
        assert np.isfinite(found).all()
        for name in ("cam", "refined", "pseudo_masks", "segmentation", "reliance"):
            assert json.loads((place / f"scores/{name}.json").read_text())
    page = (folder / "report.html").read_text()
    assert "train_recam" in page
    assert "recam_weight" in page

    monkeypatch.chdir(recam.directory)
    run = f"results/{RUN}"
    cams, model = f"{run}/round-1/cam/cams.h5", f"{run}/round-1/cam/recam.safetensors"
    told = {}
    for words in (
        ("status", run),
        ("show", run, "train_000000", "-o", "run.png"),
        ("inspect", cams, "--check"),
        ("inspect", model),
        ("inspect", model, "--check"),
        ("diff", f"{run}/round-0/cam/recam.safetensors", model),
    ):
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 0 or words[0] == "diff", (words, done.output, done.exception)
        told[words[0]] = done.output
    assert "train_recam" in told["status"]
