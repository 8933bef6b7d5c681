from __future__ import annotations

import re
import subprocess
import sys
from typing import Any, get_args

import pytest

from conta_core.causal import methods
from conta_core.causal.methods.none import NoMethod
from conta_core.settings import ContextSettings, Experiment
from conta_core.settings.load import load_experiments, pick
from conta_core.workflow.stages import BY_OUTPUT, STAGES

NAMES = get_args(ContextSettings.model_fields["method"].annotation)
#: changes of the context that change what a method reads
VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"classifier_init": "segmentation_model"},
    {"learning": "classifier"},
    {"source": "pseudo_masks"},
    {"intervention": {"object_masks": "truth"}},
    {"intervention": {"ownership": "ignored", "threshold": "fixed"}},
    {"intervention": {"balance": "propensity", "segmentation_recombined": 0.0}},
)
BEFORE = "results/{run}/round-1/"


def experiment(method: str, **change: Any) -> Experiment:
    values = {"rounds": 3, "context": {"method": method, **change}}
    return load_experiments(values)["context-shapes"]


def test_every_name_of_the_settings_is_a_method() -> None:
    assert set(methods.METHODS) == set(NAMES)


def test_the_rules_import_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "cv2", "h5py"}
    code = (
        f"import sys, conta_core.causal.methods; sys.exit(any(m in sys.modules for m in {heavy}))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_round_0_is_of_no_method() -> None:
    for name in NAMES:
        one = experiment(name, classifier_init="segmentation_model")
        assert isinstance(methods.method_of(one.context, 0), NoMethod)
        assert methods.method_of(one.context, 1) is methods.METHODS[name]
        for stage in ("train_cam", "extract_cams", "train_deeplab", "make_pseudo_masks"):
            assert methods.keys(stage, one, 0) == ()
            assert methods.inputs(stage, one, 0) == {}


@pytest.mark.parametrize("change", VARIANTS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_answers_fit_the_settings_and_the_stages(name: str, change: dict[str, Any]) -> None:
    """Keys are keys of the config; inputs are what a stage makes, in a round that is there."""
    one = experiment(name, **change)
    for stage in STAGES:
        for index in range(one.rounds):
            keys = methods.keys(stage.name, one, index)
            assert len(set(keys)) == len(keys)
            pick(one, keys)
            for path in methods.inputs(stage.name, one, index).values():
                match = re.fullmatch(r"results/\{run\}/round-(\d)/(.*)", path)
                assert match
                made = BY_OUTPUT[f"results/{{run}}/round-{{round}}/{match[2]}"]
                assert int(match[1]) <= index
                assert made.is_needed(int(match[1]), one)


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("none", {}, {}),
        (
            "none",
            {"classifier_init": "segmentation_model"},
            {"initial_weights": "segmentation/model.safetensors"},
        ),
        ("conta", {}, {"context": "context/context.h5"}),
        (
            "conta",
            {"learning": "classifier"},
            {
                "confounders": "context/confounders.h5",
                "train_masks": "segmentation/train_masks.h5",
                "logits": "segmentation/logits.h5",
            },
        ),
        (
            "intervention",
            {},
            {"pseudo_masks": "pseudo_masks", "objects": "intervention/objects.h5"},
        ),
        ("intervention", {"intervention": {"object_masks": "truth"}}, {}),
    ],
)
def test_inputs_of_the_classifier(
    name: str, change: dict[str, Any], expected: dict[str, str]
) -> None:
    found = methods.inputs("train_cam", experiment(name, **change), 2)
    assert found == {key: BEFORE + path for key, path in expected.items()}


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("none", {}, {}),
        ("conta", {}, {"build_confounders": [0, 1], "deconfound": [0, 1]}),
        ("conta", {"learning": "classifier"}, {"build_confounders": [0, 1]}),
        ("intervention", {}, {"measure_objects": [0, 1, 2]}),
        (
            "intervention",
            {"intervention": {"segmentation_recombined": 0.0}},
            {"measure_objects": [0, 1]},
        ),
        ("intervention", {"intervention": {"ownership": "ignored"}}, {}),
    ],
)
def test_stages_that_a_method_adds(
    name: str, change: dict[str, Any], expected: dict[str, list[int]]
) -> None:
    one = experiment(name, **change)
    own = {stage for method in methods.METHODS.values() for stage in method.stages}
    found = {
        stage: [index for index in range(3) if methods.has_stage(stage, one, index)]
        for stage in own
    }
    assert {stage: rounds for stage, rounds in found.items() if rounds} == expected
