"""The same seed gives the same bits, another seed others, and arms share what comes before M."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import Workflow

pytestmark = pytest.mark.slow

SCORES = ("cam", "refined", "pseudo_masks", "segmentation", "segmentation_crf")
MODELS = ("cam", "irn", "segmentation")


def score(workflow: Workflow, run: str, index: int, name: str) -> Path:
    return workflow.directory / "results" / run / f"round-{index}" / "scores" / f"{name}.json"


def text(workflow: Workflow, run: str, index: int, name: str) -> str:
    """Scores, less the name of the run; the paths of made data hold the name of a run too."""
    written = score(workflow, run, index, name).read_text()
    assert json.loads(written)["run"] == run
    nameless = re.sub(rf'"run": "{run}"', '"run": ""', written)
    return re.sub(r"results/[\w-]+/", "results/", nameless)


def models(workflow: Workflow, run: str, index: int, name: str) -> dict[str, torch.Tensor]:
    folder = workflow.directory / "results" / run / f"round-{index}"
    return load_file(folder / name / "model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_same_seed_twice(finished: Workflow, compared: Workflow) -> None:
    """Two arms again in another place, where conta starts from the control's round 0."""
    for run, index in (("control", 0), ("control", 1), ("conta", 1)):
        again = f"{run}-c90-s0"
        for name in SCORES:
            first, second = text(finished, run, index, name), text(compared, again, index, name)
            assert first == second, f"{run}, round {index}: {name}"
        for name in MODELS:
            pair = models(finished, run, index, name), models(compared, again, index, name)
            assert same(*pair), f"{run}, round {index}: {name}"


def test_another_seed(compared: Workflow) -> None:
    runs = ("control-c90-s0", "control-c90-s1")
    one, other = (text(compared, run, 0, "cam") for run in runs)
    assert one != other
    assert not same(*(models(compared, run, 0, "cam") for run in runs))


def test_arms_share_round_0(finished: Workflow) -> None:
    for name in SCORES:
        conta, control = (text(finished, run, 0, name) for run in ("conta", "control"))
        assert conta == control, name
    for name in MODELS:
        pair = (models(finished, run, 0, name) for run in ("conta", "control"))
        assert same(*pair), name


def test_context_makes_the_next_round_another(finished: Workflow) -> None:
    conta, control = (models(finished, run, 1, "cam") for run in ("conta", "control"))
    assert not same(conta, control)
    # the new part of conta's classifier has a generator of its own: the rest has the same keys
    assert control.keys() <= conta.keys()


def test_rounds_draw_their_own_numbers(finished: Workflow) -> None:
    first, second = (models(finished, "control", index, "cam") for index in (0, 1))
    assert not same(first, second)
