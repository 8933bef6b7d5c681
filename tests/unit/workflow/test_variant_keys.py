"""A key of a seed, a refinement or a network is a param of its own stages, and of no other."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from conta_core.settings import Experiment
from conta_core.settings.load import pick
from conta_core.settings.variant import variants_of
from conta_core.workflow.stages import STAGES

ROUND = 1
VARIANTS = [
    (group, mark.registry.key, name)
    for group, mark in variants_of(Experiment)
    for name in mark.registry
]
#: what a variant cannot do without
NEEDED: dict[str, dict[str, Any]] = {
    "clip-es": {"text": "text.safetensors"},
    "imported": {"source": "cams"},
}
ALONE = {"rounds": 1, "context": {"method": "none"}}


def experiment_of(group: str, key: str, name: str) -> Experiment:
    base = ALONE if name == "clip-es" else {}
    return Experiment.model_validate({**base, group: {key: name, **NEEDED.get(name, {})}})


def other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, tuple):
        return (*value, 7)
    return 7


def params(experiment: Experiment) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that no config could have
        return {
            stage.name: pick(experiment, stage.all_keys(ROUND, experiment), stage.without)
            for stage in STAGES
            if stage.by_round and stage.is_needed(ROUND, experiment)
        }


def changed(experiment: Experiment, group: str) -> Iterator[tuple[str, set[str]]]:
    """Each key of the group but its name, and the stages whose params change with it."""
    settings = getattr(experiment, group)
    before = params(experiment)
    for key in type(settings).model_fields:
        if key not in ("method", "network"):
            update = {key: other(getattr(settings, key))}
            after = params(
                experiment.model_copy(update={group: settings.model_copy(update=update)})
            )
            yield key, {stage for stage in before if before[stage] != after[stage]}


def expected(group: str, name: str, key: str) -> set[str]:
    if group == "refinement":
        return {"refine_cams"}
    if group == "segmentation":
        return {"train_deeplab"}
    if name == "clip-es" or key == "scales":
        return {"extract_cams"}
    if name == "recam":
        if key.startswith("recam_"):
            return {"train_recam"}
        if key in ("epochs", "iterations", "learning_rate", "head_factor", "weight_decay"):
            return {"train_cam"}
        return {"train_cam", "train_recam"}
    return {"train_cam"}


@pytest.mark.parametrize(("group", "discriminator", "name"), VARIANTS)
def test_a_key_belongs_to_its_own_stages(group: str, discriminator: str, name: str) -> None:
    if name == "imported":
        pytest.skip("its keys are those of the files of round 0: tests/unit/settings")
    found = dict(changed(experiment_of(group, discriminator, name), group))
    assert found == {key: expected(group, name, key) for key in found}


@pytest.mark.parametrize(("group", "discriminator", "name"), VARIANTS)
def test_shared_keys_have_the_default_variants_defaults(
    group: str, discriminator: str, name: str
) -> None:
    """config.yaml states every key of the default variant, whichever one a recipe chooses."""
    mark = dict(variants_of(Experiment))[group]
    first = mark.settings(mark.default)().model_dump()
    own = getattr(experiment_of(group, discriminator, name), group)
    shared = set(first) & set(type(own).model_fields) - {discriminator, *NEEDED.get(name, {})}
    assert {key: getattr(own, key) for key in shared} == {
        key: getattr(getattr(Experiment(), group), key) for key in shared
    }
