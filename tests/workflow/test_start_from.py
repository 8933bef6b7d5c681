"""A run that goes on from another's round 0: its jobs, what makes them stale, the same bytes."""

from __future__ import annotations

from collections.abc import Callable

from test_dag import ROUND_RULES
from tiny_runs import Work, Workflow, reduced

#: two arms beside the control that has round 0
RUNS = {
    "control": {"context": {"method": "none"}},
    "conta": {"start_from": "control"},
    "third": {"start_from": "control", "context": {"method": "none"}},
}
CONTEXT = ("build_confounders", "deconfound")


def test_round_0_is_made_once(fresh: Callable[..., Workflow]) -> None:
    found = fresh(reduced(RUNS, rounds=2)).stale()
    once = {Work("make_context_shapes", "control", None)}
    once |= {Work("note_base_run", run, None) for run in ("conta", "third")}
    once |= {Work(rule, run, None) for rule in ("index_dataset", "summarise") for run in RUNS}
    rounds = [("control", 0), *((run, 1) for run in RUNS)]
    in_rounds = {Work(stage, run, index) for stage in ROUND_RULES for run, index in rounds}
    assert found == once | in_rounds | {Work(rule, "conta", 0) for rule in CONTEXT}


def test_pseudo_masks_of_a_shared_round(fresh: Callable[..., Workflow]) -> None:
    found = fresh(reduced(RUNS, rounds=2)).stale("pseudo_masks")
    assert {work.run for work in found if work.rule == "note_base_run"} == {"conta", "third"}
    made = {(work.run, work.round) for work in found if work.rule == "make_pseudo_masks"}
    assert made == {("control", 0), ("control", 1), ("conta", 1), ("third", 1)}


def test_context_of_pseudo_masks(fresh: Callable[..., Workflow]) -> None:
    """The confounder set of round 0 is made of the other run's masks."""
    workflow = fresh(reduced(RUNS, context={"source": "pseudo_masks"}))
    found = workflow.stale("results/conta/round-0/context/confounders.h5")
    assert {work.run for work in found if work.round == 0} == {"control", "conta"}
    assert Work("make_pseudo_masks", "control", 0) in found
    assert "train_deeplab" not in {work.rule for work in found}


def test_a_classifier_begins_from_a_shared_segmentation_model(
    fresh: Callable[..., Workflow],
) -> None:
    """Of any method, from round 1 on: round 0's model is the other run's."""
    workflow = fresh(reduced(RUNS))
    target = "results/third/round-1/cam/model.safetensors"
    assert not [work for work in workflow.stale(target) if work.round == 0]
    changes = {"runs": {"third": {"context": {"classifier_init": "segmentation_model"}}}}
    found = workflow.stale(target, changes=changes)
    assert Work("train_deeplab", "control", 0) in found
    assert {work.run for work in found if work.round == 0} == {"control"}
    assert {work.rule for work in found if work.round == 1} == {"train_cam"}


def test_what_does_not_fit_is_refused(fresh: Callable[..., Workflow]) -> None:
    done = fresh(reduced(RUNS)).start("-n", changes={"runs": {"conta": {"seed": 1}}})
    assert done.returncode != 0
    assert "runs: conta: start_from is 'control', whose round 0 has other settings" in done.stdout
    assert "seed is 1, there 0" in done.stdout
