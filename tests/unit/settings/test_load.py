from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from conta_core.errors import ContaError
from conta_core.settings import (
    CamSettings,
    Config,
    ContextSettings,
    Experiment,
    IrnRefinementSettings,
    IrnSettings,
    Settings,
)
from conta_core.settings.base import leaves
from conta_core.settings.load import load_experiments, merge, parse_settings, pick
from conta_core.settings.renamed import RENAMED
from conta_core.settings.render import render_config, render_schema

REPOSITORY = Path(__file__).resolve().parents[3]


def refused(config: dict[str, Any]) -> str:
    with pytest.raises(ContaError) as raised:
        load_experiments(config)
    return str(raised.value)


# The files that are written from the classes.


def test_config_file_is_what_the_settings_say() -> None:
    assert (REPOSITORY / "config.yaml").read_text() == render_config(), (
        "write it again: python -m conta_core.settings.render"
    )


def test_schema_file_is_what_the_settings_say() -> None:
    assert (REPOSITORY / "schemas" / "config.schema.json").read_text() == render_schema(), (
        "write it again: python -m conta_core.settings.render"
    )


def test_config_file_holds_the_defaults() -> None:
    values = yaml.safe_load(render_config())
    assert load_experiments(values) == load_experiments({})
    assert list(values) == list(Config.model_fields)


def groups_of(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [schema, *schema["$defs"].values()]


def test_schema_is_closed_and_describes_every_key() -> None:
    for group in groups_of(json.loads(render_schema())):
        assert group["additionalProperties"] is False, group["title"]
        for name, key in group["properties"].items():
            assert key.get("description"), f"{group['title']}.{name} has no description"
            assert {"default", "$ref", "oneOf"} & set(key), f"{name} has no default"


# Runs.


def test_one_run_named_after_the_data_set() -> None:
    assert load_experiments({}) == {"context-shapes": Experiment()}
    assert list(load_experiments({"dataset": {"name": "mine"}})) == ["mine"]


def test_the_default_config_is_the_default_experiment() -> None:
    values = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    assert load_experiments(values) == {"context-shapes": Experiment()}


def test_runs_override_the_base() -> None:
    base = {"rounds": 2, "refinement": {"beta": 7.0, "radius": 4}}
    control = {"context": {"method": "none"}, "refinement": {"beta": 8.0}}
    runs = load_experiments({**base, "runs": {"first": {}, "control": control}})
    assert list(runs) == ["first", "control"]
    assert runs["first"] == Experiment.model_validate_json(json.dumps(base))
    assert (runs["control"].refinement.beta, runs["control"].refinement.radius) == (8.0, 4)
    assert runs["control"].rounds == 2
    assert runs["control"].context.method == "none"


def test_an_override_that_equals_the_base_is_the_base() -> None:
    same = {"beta": IrnRefinementSettings().beta}
    runs = load_experiments({"runs": {"a": {}, "b": {"refinement": same}}})
    assert runs["a"] == runs["b"]


def test_a_list_is_replaced_whole() -> None:
    config = {"cam": {"scales": [1.0, 2.0]}, "runs": {"a": {"cam": {"scales": [0.5]}}}}
    assert load_experiments(config)["a"].cam.scales == (0.5,)


@pytest.mark.parametrize("name", ["a/b", "..", "", "a b", "-a", "a|b", "ä"])
def test_names_of_runs_become_paths(name: str) -> None:
    message = refused({"runs": {name: {}}})
    assert f"runs: {name!r} is not a run name" in message
    assert "rename the run" in message


# What is refused.


def test_unknown_key() -> None:
    message = refused({"refinement": {"betta": 10.0}})
    assert "config: refinement.betta is not a key" in message
    assert "known here: beta, inference_pad, method, radius, steps" in message


def test_unknown_key_at_the_top() -> None:
    message = refused({"wlak": {"beta": 10.0}})
    assert "config: wlak is not a key" in message
    assert "refinement" in message.split("known here:")[1]


def test_unknown_key_of_a_run() -> None:
    message = refused({"runs": {"control": {"context": {"mehtod": "none"}}}})
    assert "config: runs: control: context.mehtod is not a key" in message
    assert "method" in message


def test_runs_within_a_run() -> None:
    assert "runs is not a key" in refused({"runs": {"a": {"runs": {}}}})


@pytest.mark.parametrize(
    ("config", "key", "found"),
    [
        ({"rounds": 0}, "rounds", "0"),
        ({"rounds": -1}, "rounds", "-1"),
        ({"rounds": "3"}, "rounds", "'3'"),
        ({"rounds": 2.5}, "rounds", "2.5"),
        ({"rounds": True}, "rounds", "True"),
        ({"rounds": None}, "rounds", "None"),
        ({"seed": -1}, "seed", "-1"),
        ({"cam": {"epochs": "many"}}, "cam.epochs", "'many'"),
        ({"cam": {"scales": 1.0}}, "cam.scales", "1.0"),
        ({"cam": {"scales": [1.0, "x"]}}, "cam.scales.1", "'x'"),
        ({"cam": {"output_stride": 12}}, "cam.output_stride", "12"),
        ({"cam": 3}, "cam", "3"),
        ({"irn": {"label_crf": {"confidence": 1.5}}}, "irn.label_crf.confidence", "1.5"),
        ({"pseudo_masks": {"crf": "yes"}}, "pseudo_masks.crf", "'yes'"),
        ({"context": {"method": "Conta"}}, "context.method", "'Conta'"),
        ({"context": {"block": 1}}, "context.block", "1"),
        ({"context": {"size": [8]}}, "context.size", "[8]"),
        ({"dataset": {"confounding": 1.2}}, "dataset.confounding", "1.2"),
        ({"dataset": {"name": "../up"}}, "dataset.name", "'../up'"),
        ({"runs": {"a": {"rounds": 0}}}, "runs: a: rounds", "0"),
        ({"runs": {"a": 3}}, "runs.a", "3"),
    ],
)
def test_wrong_type_or_value(config: dict[str, Any], key: str, found: str) -> None:
    message = refused(config)
    assert message.startswith("config: ")
    assert key in message
    assert found in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("config", "part"),
    [
        ({"dataset": {"format": "voc"}}, "give the folder of the data set"),
        ({"dataset": {"root": "there"}}, "null for context-shapes"),
        ({"dataset": {"classes": ["a", "a"]}}, "name each class once"),
        ({"cam": {"scales": []}}, "scales is empty"),
        ({"segmentation": {"aspp_rates": []}}, "aspp_rates is empty"),
        (
            {"irn": {"background_threshold": 0.5, "foreground_threshold": 0.2}},
            "background_threshold 0.5 is above foreground_threshold 0.2",
        ),
        ({"cam": {"resize": [128, 64]}}, "resize"),
        (
            {"context": {"classifier_init": "segmentation_model"}, "cam": {"backbone": "resnet50"}},
            "cam.backbone is 'resnet50' and segmentation.backbone 'efficientnet_lite0_stage5'",
        ),
    ],
)
def test_values_that_do_not_fit_each_other(config: dict[str, Any], part: str) -> None:
    message = refused(config)
    assert part in message
    assert next(iter(config)) in message


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_key_is_refused_with_the_new_one(old: str) -> None:
    config: Any = "any"
    for part in reversed(old.split(".")):
        config = {part: config}
    message = refused(config)
    assert message == f"config: {old} was renamed: write {RENAMED[old]}"
    *groups, new = re.split("[ ,]", RENAMED[old])[0].split(".")
    known: Any = Experiment()
    for group in groups:
        known = getattr(known, group)
    assert hasattr(known, new)
    assert old not in (key for key, _ in leaves(Experiment().model_dump()))


def test_all_problems_at_once() -> None:
    message = refused({"rounds": 0, "refinement": {"bet": 1}, "cam": {"epochs": "x"}})
    assert [line.split(" ")[1] for line in message.splitlines()] == [
        "rounds",
        "cam.epochs",
        "refinement.bet",
    ]


def test_value_that_is_no_yaml() -> None:
    assert "not plain YAML" in refused({"seed": object()})


def test_integers_are_numbers() -> None:
    """YAML's 10 for a float is no mistake."""
    assert load_experiments({"refinement": {"beta": 10}})["context-shapes"].refinement.beta == 10.0


# Parts.


def test_settings_are_immutable() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Experiment().seed = 3  # type: ignore[misc]


def test_pick() -> None:
    experiment = Experiment()
    assert pick(experiment, ["seed"]) == {"seed": 0}
    picked = pick(experiment, ["context.size", "context.prior", "refinement"])
    assert picked["context"] == {"size": list(experiment.context.size), "prior": "uniform"}
    assert picked["refinement"] == experiment.refinement.model_dump()


def test_pick_without() -> None:
    picked = pick(Experiment(), ["irn"], without=["irn.label_crf", "irn.crop"])["irn"]
    assert "label_crf" not in picked
    assert set(picked) == set(Experiment().irn.model_dump()) - {"label_crf", "crop"}


def test_picked_values_are_plain_and_parse_again() -> None:
    experiment = Experiment()
    picked = pick(experiment, ["cam", "context.block"])
    assert json.loads(json.dumps(picked)) == picked
    assert parse_settings(CamSettings, picked["cam"], "cam") == experiment.cam
    parsed = parse_settings(ContextSettings, picked["context"], "context")
    assert parsed.block == experiment.context.block


def test_a_key_that_was_not_given_cannot_be_read() -> None:
    """Else a stage would train with a default, and a change of the key would rerun nothing."""
    given = parse_settings(IrnSettings, {"radius": 3, "label_crf": {"iterations": 2}}, "irn")
    assert (given.radius, given.label_crf.iterations) == (3, 2)
    for group, key in ((given, "epochs"), (given.label_crf, "confidence")):
        with pytest.raises(ContaError, match=f"{key}: the stage reads this key, but its rule's"):
            getattr(group, key)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = given.nothing  # type: ignore[attr-defined]
    with pytest.raises(ContaError, match="epochs: the stage reads this key"):
        given.model_dump(include={"radius", "epochs"})
    # what a training is resumed by
    assert given.model_dump(mode="json") == {"radius": 3, "label_crf": {"iterations": 2}}
    assert pickle.loads(pickle.dumps(given)).model_dump() == given.model_dump()


def test_pick_changes_nothing_of_the_experiment() -> None:
    experiment = Experiment()
    pick(experiment, ["irn"], without=["irn.label_crf"])
    assert experiment == Experiment()


def test_merge() -> None:
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 2}
    assert merge(base, {"a": {"y": [3]}, "c": 4}) == {"a": {"x": 1, "y": [3]}, "b": 2, "c": 4}
    assert merge(base, {"a": None}) == {"a": None, "b": 2}
    assert base == {"a": {"x": 1, "y": [1, 2]}, "b": 2}


def test_every_group_is_closed() -> None:
    def closed(settings: Settings) -> None:
        assert settings.model_config["extra"] == "forbid"
        for name in type(settings).model_fields:
            value = getattr(settings, name)
            if isinstance(value, Settings):
                closed(value)

    closed(Config())
