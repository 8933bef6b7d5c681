"""The table of stages says what the rules, the scripts and the library say."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from conta_core.causal.methods import METHODS
from conta_core.settings import Config, Experiment
from conta_core.settings.base import leaves
from conta_core.storage.stores.kinds import IMAGE_ARRAYS, ROOT_ARRAYS
from conta_core.workflow.run_folders import files_by_round
from conta_core.workflow.stages import BY_OUTPUT, BY_RULE, STAGES, Stage

REPOSITORY = Path(__file__).resolve().parents[3]
RULE = re.compile(r"^rule (\w+):\n((?:[ ].*\n|\n)*)", re.MULTILINE)


def rules() -> dict[str, dict[str, str]]:
    """rule -> name of a block, such as input -> its text."""
    found = {}
    for file in (REPOSITORY / "rules").glob("*.smk"):
        for name, body in RULE.findall(file.read_text()):
            found[name] = dict(re.findall(r"^ {4}(\w+):\n((?: {8}.*\n)+)", body, re.M))
    return found


def paths(text: str) -> list[str]:
    return re.findall(r'"((?:results|logs)/[^"]+)"', text)


def test_every_rule_is_there_once() -> None:
    # compare is of several runs
    assert sorted([*BY_RULE, "compare"]) == sorted(rules())


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_outputs_logs_and_benchmarks(stage: Stage) -> None:
    found = rules()
    index = "{round}" if stage.by_round else None
    last = found[stage.rules[-1]]
    assert stage.path("{run}", index) in paths(last["output"])  # type: ignore[arg-type]
    assert paths(last["log"]) == [stage.log("{run}", index)]  # type: ignore[arg-type]
    if stage.gathered_by:
        part, one = "{part}-of-{parts}", found[stage.name]
        assert paths(one["output"]) == [stage.part("{run}", index, part)]  # type: ignore[arg-type]
        assert paths(one["log"]) == [stage.log("{run}", index, part)]  # type: ignore[arg-type]
    for rule in stage.rules:
        assert f'"benchmarks/{rule}/{{run}}' in found[rule]["benchmark"]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_inputs(stage: Stage) -> None:
    """The rule reads what the table names, under its name; further inputs are functions'."""
    text = rules()[stage.name].get("input", "")
    named = re.findall(r'(\w+)=(get_file\()?"(results/[^"]+)"', text)
    assert {name: path for name, _, path in named} == dict(stage.inputs)
    for name, by_owner, path in named:
        # a run's own stage may read what the run makes that it starts from
        shared = stage.own and stage.by_round and not BY_OUTPUT[path].own
        assert bool(by_owner) == shared, name


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_inputs_of_the_method_are_asked_by_the_stages_name(stage: Stage) -> None:
    asked = re.findall(r'get_chosen_inputs\("(\w+)"\)', rules()[stage.name].get("input", ""))
    methods = METHODS.values()
    has_some = any(method.inputs(stage.name, Experiment(), 1) for method in methods)
    assert asked == [stage.name] if has_some else asked in ([], [stage.name])


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_params_are_those_of_the_table(stage: Stage) -> None:
    """Every rule of a stage asks for its keys by its name; one without keys has no params."""
    for rule in stage.rules:
        params = rules()[rule].get("params")
        if stage.name == "summarise":
            assert params is not None
            assert "get_run_settings" in params
        elif params is None:
            of_methods = [m.keys(stage.name, Experiment(), 1) for m in METHODS.values()]
            assert not stage.keys
            assert not any(of_methods)
        else:
            assert f'settings=get_settings("{stage.name}"),' in params


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_script_and_function(stage: Stage) -> None:
    found = rules()
    assert f"workflow_scripts/{stage.name}.py" in found[stage.name]["script"]
    if stage.gathered_by:
        assert "workflow_scripts/gather_store.py" in found[stage.gathered_by]["script"]
    module = import_module(f"conta_core.stages.{stage.name}")
    assert callable(getattr(module, stage.name))


def test_keys_are_keys_of_the_config() -> None:
    known = {key for key, _ in leaves(Config().model_dump(mode="json"))}
    for stage in STAGES:
        for key in (*stage.keys, *stage.without):
            assert key in known or any(one.startswith(f"{key}.") for one in known), key


def test_stores_are_of_known_kinds() -> None:
    stores = {stage.kind for stage in STAGES if stage.output.endswith(".h5")}
    assert stores == {*IMAGE_ARRAYS, *ROOT_ARRAYS}


def test_files_by_round() -> None:
    found = files_by_round(
        [
            "results/r/dataset.json",
            "results/r/round-1/cam/cams.h5",
            "results/other/round-0/cam/cams.h5",
            "results/other/round-0/scores/cam.json",
            "results/other/round-0/scores/reliance.json",
        ]
    )
    assert found == [
        {
            "scores": {"cam": "results/other/round-0/scores/cam.json"},
            "cams": "results/other/round-0/cam/cams.h5",
            "reliance": "results/other/round-0/scores/reliance.json",
        },
        {"scores": {}, "cams": "results/r/round-1/cam/cams.h5"},
    ]
