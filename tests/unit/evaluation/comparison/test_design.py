"""The key comparison: the runs that it makes, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from conta_core.errors import ContaError
from conta_core.evaluation.comparison.design import Design
from conta_core.settings.comparison import ComparedRun
from conta_core.settings.load import load_comparison, load_experiments, merge

REPOSITORY = Path(__file__).resolve().parents[4]
ARMS = {
    "control": {"context": {"method": "none"}},
    "conta": {"context": {"method": "conta"}},
    "other": {"context": {"method": "conta", "block": 4}},
}
LEVELS = [
    {"confounding": 0.9, "seeds": 2},
    {"confounding": 0.0, "seeds": 1, "arms": ["control", "conta"]},
]
EVIDENCE = {"comparison": {"name": "evidence", "arms": ARMS, "levels": LEVELS}}


def compared(**changes: Any) -> dict[str, Any]:
    return {"comparison": {**EVIDENCE["comparison"], **changes}}


def refused(config: dict[str, Any]) -> str:
    with pytest.raises(ContaError) as raised:
        load_experiments(config)
    return str(raised.value)


def test_runs() -> None:
    runs = load_experiments({"seed": 7, "rounds": 2, **EVIDENCE})
    assert list(runs) == [
        "control-c90-s0",
        "conta-c90-s0",
        "other-c90-s0",
        "control-c90-s1",
        "conta-c90-s1",
        "other-c90-s1",
        "control-c0-s0",
        "conta-c0-s0",
    ]
    assert {run: one.start_from for run, one in runs.items() if one.start_from} == {
        "conta-c90-s0": "control-c90-s0",
        "other-c90-s0": "control-c90-s0",
        "conta-c90-s1": "control-c90-s1",
        "other-c90-s1": "control-c90-s1",
        "conta-c0-s0": "control-c0-s0",
    }
    for run, one in runs.items():
        arm, level, seed = run.split("-")
        assert (f"c{one.dataset.confounding:.0%}"[:-1], f"s{one.seed}") == (level, seed)
        assert one.context.method == ("none" if arm == "control" else "conta")
        assert one.context.block == (4 if arm == "other" else 5)
        assert one.rounds == 2


def test_a_prefix_keeps_runs_apart() -> None:
    """Two comparisons of other base settings in one working directory share no run."""
    runs = load_experiments(compared(prefix="larger"))
    assert list(runs) == [f"larger-{run}" for run in load_experiments(EVIDENCE)]
    assert runs["larger-conta-c90-s1"].start_from == "larger-control-c90-s1"


def test_recipes_share_no_run_of_other_settings() -> None:
    """A run's name means the same in every recipe, since all write into results/."""
    found: dict[str, dict[str, Any]] = {}
    shared = 0
    for path in sorted((REPOSITORY / "configs/evidence").glob("*.yaml")):
        alone = path.stem in ("full_size", "large", "painted", "photographs")
        base = [] if alone else [REPOSITORY / "configs/evidence.yaml"]
        config: dict[str, Any] = {}
        for file in [*base, path]:
            config = merge(config, yaml.safe_load(file.read_text()))
        for run, experiment in load_experiments(config).items():
            values = experiment.model_dump(exclude={"rounds"})
            shared += run in found
            assert found.setdefault(run, values) == values, f"{path.name}: {run}"
    assert shared


def test_design() -> None:
    settings = load_comparison(EVIDENCE)
    assert settings is not None
    design = Design.of(settings)
    assert design.first_arm == "control"
    assert design.levels == [0.9, 0.0]
    assert (design.arms_at(0.9), design.arms_at(0.0)) == ([*ARMS], ["control", "conta"])
    assert design.members[1] == ComparedRun("conta-c90-s0", "conta", 0.9, 0, "control-c90-s0")
    assert [member.run for member in design.members] == list(load_experiments(EVIDENCE))
    assert Design.from_values(design.as_values()) == design


def test_defaults() -> None:
    runs = load_experiments({"comparison": {}})
    assert list(runs) == [f"{arm}-s{seed}" for seed in range(3) for arm in ("control", "conta")]
    assert {one.dataset.confounding for one in runs.values()} == {0.9}


def test_none() -> None:
    assert load_comparison({"comparison": None}) is None
    assert list(load_experiments({"comparison": None})) == ["context-shapes"]


def test_beside_runs() -> None:
    more = {"seed": 1, "start_from": "control-c90-s1"}
    runs = load_experiments({**EVIDENCE, "runs": {"more": more}})
    assert list(runs)[:2] == ["more", "control-c90-s0"]


def test_data_without_levels() -> None:
    voc = {"dataset": {"format": "voc", "root": "data"}}
    assert len(load_experiments({**voc, "comparison": {}})) == 6
    message = refused({**voc, **EVIDENCE})
    assert "levels have confounding [0.9, 0.0], which dataset.format 'voc' does not know" in message


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"arms": {"a": {}}}, "arms are ['a']; expected two at least"),
        ({"arms": {"a": {}, "b/c": {}}}, "comparison.arms.b/c"),
        ({"arms": {"a": {}, "b": {"seed": 3}}, "levels": [{}]}, "arms.b overrides seed"),
        (
            {"arms": {"a": {"dataset": {"size": 64}}, "b": {}}, "levels": [{}]},
            "arms.a overrides dataset, which all arms of a level and seed share; leave it out",
        ),
        ({"arms": {"a": {}, "b": {"contxt": {}}}, "levels": [{}]}, "contxt is not a key"),
        ({"levels": []}, "expected one level at least"),
        ({"levels": [{"confounding": 0.5}, {"confounding": 0.5}]}, "and each once"),
        ({"levels": [{"confounding": 0.125}]}, "expected a whole percentage such as 0.25"),
        ({"levels": [{"confounding": 1.5}]}, "levels.0.confounding is 1.5"),
        ({"levels": [{"seeds": 0}]}, "levels.0.seeds is 0"),
        ({"levels": [{"seeds": 500}]}, "make 1500 runs; the most are 1000"),
        ({"levels": [{"arms": ["conta"]}]}, "levels.0.arms is ['conta']; expected some of"),
        ({"levels": [{"arms": ["control", "x"]}]}, "levels.0.arms is ['control', 'x']"),
        ({"levels": [{"seedz": 1}]}, "seedz is not a key; known here: arms, confounding, seeds"),
        ({"name": "../up"}, "comparison.name is '../up'"),
        ({"name": "conta-c90-s1"}, "'conta-c90-s1' is the name of two of its runs, itself"),
        ({"arms": {"a": {}, "a-c9": {}}, "levels": [{}, {"confounding": 0.09}]}, "'a-c9-s0' is"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], told: str) -> None:
    assert told in refused(compared(**changes))


def test_a_name_of_runs() -> None:
    assert "'conta-c0-s0' is the name of two" in refused({**EVIDENCE, "runs": {"conta-c0-s0": {}}})
    assert "'evidence' is the name of two" in refused({**EVIDENCE, "runs": {"evidence": {}}})


def test_a_comparison_within_a_run() -> None:
    assert "comparison is not a key" in refused({"runs": {"a": {"comparison": {}}}})


def test_arms_of_other_seeds_have_a_round_0_of_their_own() -> None:
    """Arms that differ in the causal step alone share the round 0 of the first of them."""
    recam = {"cam": {"method": "recam"}}
    arms = {
        "classifier": {"context": {"method": "none"}},
        "recam": {**recam, "context": {"method": "none"}},
        "intervention": {"context": {"method": "intervention"}},
        "recam-intervention": recam,
    }
    config = {"comparison": {"arms": arms, "levels": [{"seeds": 1}]}}
    runs = load_experiments(config)
    assert {run: one.start_from for run, one in runs.items()} == {
        "classifier-s0": None,
        "recam-s0": None,
        "intervention-s0": "classifier-s0",
        "recam-intervention-s0": "recam-s0",
    }
    comparison = load_comparison(config)
    assert comparison is not None
    assert Design.of(comparison).has_several_round_0


def test_a_start_of_another_seed_is_refused() -> None:
    runs = {"a": {}, "b": {"start_from": "a", "cam": {"method": "recam", "recam_epochs": 2}}}
    message = refused({"runs": runs})
    assert "cam.method is 'recam', there 'classifier'" in message
    assert "cam.recam_epochs is 2, there None" in message
