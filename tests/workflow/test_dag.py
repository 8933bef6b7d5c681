"""The DAG without running it: what jobs there are, what can be asked for, the recipes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_runs import (
    REPOSITORY,
    RUNS,
    Work,
    Workflow,
    dry_run,
    job_counts,
    messages,
    parse_dry_run,
    reduced,
)

from conta_core.settings.cam import OWN_STAGES
from conta_core.workflow.stages import BY_NAME, STAGES

#: each in every round of a run, but for those that a method of the causal step adds
IN_ROUNDS = tuple(
    stage for stage in STAGES if stage.by_round and not stage.own and stage.name not in OWN_STAGES
)
ROUND_RULES = tuple(rule for stage in IN_ROUNDS for rule in stage.rules)
#: run -> the files of its rounds
FILES = {
    run: [stage.in_round for stage in (*IN_ROUNDS, *map(BY_NAME.get, of_method)) if stage]
    for run, of_method in {
        "conta": ("build_confounders", "deconfound"),
        "control": (),
        "intervention": ("measure_objects",),
    }.items()
}
OF_INTERVENTION = BY_NAME["measure_objects"].rules
ONCE = ("make_context_shapes", "index_dataset", "summarise")


def test_jobs_of_the_default(tmp_path: Path) -> None:
    expected = Counter(dict.fromkeys((*ROUND_RULES, *OF_INTERVENTION), 3))
    expected.update(dict.fromkeys(ONCE, 1))
    expected["all"] = 1
    assert job_counts(dry_run(tmp_path)) == expected
    conta = dry_run(tmp_path, "--config", "context={method: conta}")
    for rule in OF_INTERVENTION:
        del expected[rule]
    expected.update({"build_confounders": 2, "deconfound": 2})
    assert job_counts(conta) == expected


def test_a_classifier_that_makes_m_itself(fresh: Callable[..., Workflow]) -> None:
    """It takes what M is made of, of the round before; nobody makes M for it."""
    conta = {"context": {"learning": "classifier"}, "rounds": 3}
    workflow = fresh(reduced({"conta": conta}))
    made = {(work.rule, work.round) for work in workflow.stale() if "conf" in work.rule}
    assert made == {("build_confounders", 0), ("build_confounders", 1)}
    found = workflow.stale("results/conta/round-1/cam/model.safetensors")
    first = {work.rule for work in found if work.round == 0}
    assert {"gather_logits", "gather_train_masks", "build_confounders"} <= first
    assert {work.rule for work in found if work.round == 1} == {"train_cam"}


def test_every_job_says_what_it_is(tmp_path: Path) -> None:
    """Each rule has a message of its own, with the run and the round."""
    found = parse_dry_run(dry_run(tmp_path), messages(REPOSITORY))
    assert {work.run for work in found} == {"context-shapes"}
    assert {work.rule for work in found if work.round is None} == set(ONCE)
    assert {work.round for work in found} == {None, 0, 1, 2}


@pytest.mark.parametrize("rounds", [1, 5])
def test_jobs_follow_the_number_of_rounds(fresh: Callable[..., Workflow], rounds: int) -> None:
    others = {"control": "none", "intervention": "intervention"}
    runs = {"conta": {}, **{run: {"context": {"method": m}} for run, m in others.items()}}
    found = fresh(reduced(runs, rounds=rounds)).stale()
    in_rounds = {(stage, index) for stage in ROUND_RULES for index in range(rounds)}
    context = {(s, i) for s in ("build_confounders", "deconfound") for i in range(rounds - 1)}
    once = {(rule, None) for rule in ONCE}
    objects = {(s, i) for s in OF_INTERVENTION for i in range(rounds) if rounds > 1}
    own = {"conta": context, "control": set(), "intervention": objects}
    assert found == {
        Work(rule, run, index)
        for run, further in own.items()
        for rule, index in in_rounds | further | once
    }


def test_every_file_of_every_round_is_a_target(fresh: Callable[..., Workflow]) -> None:
    """All at once, and each is among the outputs that a summary of the DAG lists."""
    workflow = fresh(reduced())
    paths = [
        f"results/{run}/round-{index}/{file}"
        for run, rounds in (("conta", 3), ("control", 2), ("intervention", 2))
        for index in range(rounds)
        for file in FILES[run]
    ]
    paths += [
        f"results/{run}/{file}"
        for run in ("conta", "control", "intervention")
        for file in ("dataset.json", "summary.json", "report.html", "context_shapes")
    ]
    output = workflow.start("--summary", *paths, check=True).stdout
    listed = {line.split("\t")[0] for line in output.splitlines() if "\t" in line}
    assert set(paths) <= listed


@pytest.mark.parametrize("file", ["context/confounders.h5", "intervention/objects.h5"])
def test_a_file_of_another_method(fresh: Callable[..., Workflow], file: str) -> None:
    done = fresh(reduced()).start("-n", f"results/control/round-0/{file}")
    assert done.returncode == 1
    assert "run control: context.method is 'none', which has no" in done.stdout


@pytest.mark.parametrize(
    ("target", "last_round", "rules"),
    [
        ("results/conta/dataset.json", None, {"make_context_shapes", "index_dataset"}),
        ("results/conta/round-0/cam/cams.h5", 0, {"train_cam", "extract_cams", "gather_cams"}),
        (
            "results/conta/round-1/cam/model.safetensors",
            1,
            {"train_cam"},
        ),
        (
            "results/control/round-1/irn/refined.h5",
            1,
            {
                "train_cam",
                "extract_cams",
                "gather_cams",
                "make_irn_labels",
                "gather_labels",
                "train_irn",
                "refine_cams",
                "gather_refined",
            },
        ),
    ],
)
def test_a_single_file_as_the_target(
    fresh: Callable[..., Workflow], target: str, last_round: int | None, rules: set[str]
) -> None:
    found = fresh(reduced()).stale(target)
    run = target.split("/")[1]
    assert {work.run for work in found} == {run}
    assert {work.rule for work in found if work.round == last_round} == rules
    before = {work.round for work in found} - {None, last_round}
    assert before == ({0} if (run, last_round) == ("conta", 1) else set())


def test_target_that_stops_after_the_pseudo_masks(fresh: Callable[..., Workflow]) -> None:
    found = fresh(reduced()).stale("pseudo_masks")
    of_intervention = ("intervention", 1)
    last = {
        (work.run, work.rule)
        for work in found
        if (work.run, work.round) in {("conta", 2), ("control", 0), ("control", 1), of_intervention}
    }
    rules = {
        "train_cam",
        "extract_cams",
        "gather_cams",
        "make_irn_labels",
        "gather_labels",
        "train_irn",
        "refine_cams",
        "gather_refined",
        "make_pseudo_masks",
        "evaluate_pseudo_masks",
    }
    assert last == {(run, rule) for run in RUNS for rule in rules}
    assert "summarise" not in {work.rule for work in found}
    # a later round of conta needs the context, and that the segmentation of the round before
    assert Work("train_deeplab", "conta", 1) in found
    # of an intervention it needs the pseudo-masks alone
    assert not any(work.rule == "train_deeplab" and work.run == "intervention" for work in found)


def test_target_all_is_the_default(fresh: Callable[..., Workflow]) -> None:
    workflow = fresh(reduced())
    assert workflow.stale("all") == workflow.stale()


@pytest.mark.parametrize(
    "target",
    [
        "results/nobody/round-0/cam/cams.h5",
        "results/conta/round-x/cam/cams.h5",
        "results/conta/round--1/cam/cams.h5",
        "results/../conta/round-0/cam/cams.h5",
    ],
)
def test_what_is_no_target(fresh: Callable[..., Workflow], target: str) -> None:
    done = fresh(reduced()).start("-n", target)
    assert done.returncode != 0
    assert "Job stats" not in done.stdout


def test_every_rule_has_a_log_a_benchmark_an_environment_and_a_message() -> None:
    for file in (REPOSITORY / "rules").glob("*.smk"):
        for rule in re.split(r"^rule ", file.read_text(), flags=re.M)[1:]:
            for word in ("message", "output", "log", "benchmark", "threads", "resources", "conda"):
                assert re.search(rf"^    {word}:", rule, re.M), f"{file.name}: {rule[:40]}: {word}"


def test_every_rule_has_a_script_of_its_name() -> None:
    """But for the rules that gather a store, which have one together."""
    rules = set(messages(REPOSITORY).values())
    gathering = {rule for rule in rules if rule.startswith("gather_")}
    assert len(gathering) == 6
    assert rules - gathering | {"gather_store"} == {
        path.stem for path in (REPOSITORY / "workflow_scripts").glob("*.py")
    }


def test_what_needs_no_number_of_cores(fresh: Callable[..., Workflow]) -> None:
    workflow = fresh(reduced())
    for option in ("--unlock", "--list-rules", "--summary"):
        workflow.start(option, check=True)
