"""The same seed gives the same bits, another seed others, and arms share what comes before M."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import Workflow, reduced

pytestmark = pytest.mark.slow

SCORES = ("cam", "refined", "pseudo_masks", "segmentation", "segmentation_crf")
MODELS = ("cam", "irn", "segmentation")


def score(workflow: Workflow, run: str, index: int, name: str) -> Path:
    return workflow.directory / "results" / run / f"round-{index}" / "scores" / f"{name}.json"


def numbers(workflow: Workflow, run: str, index: int, name: str) -> dict[str, Any]:
    """Scores, less the name of the run (which the paths of made data hold too)."""
    text = score(workflow, run, index, name).read_text()
    content = json.loads(text.replace(f"results/{run}/", "results/"))
    assert content.pop("run") == run
    return content


def models(workflow: Workflow, run: str, index: int, name: str) -> dict[str, torch.Tensor]:
    folder = workflow.directory / "results" / run / f"round-{index}"
    return load_file(folder / name / "model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_same_seed_twice_and_another_seed(
    finished: Workflow, fresh: Callable[..., Workflow]
) -> None:
    """Conta again in another place, up to the CAMs that know a context; beside it another seed."""
    runs = {"conta": {"rounds": 2}, "other": {"rounds": 1, "seed": 1}}
    again = fresh(reduced(runs))
    again.run(
        *(f"results/conta/round-0/scores/{name}.json" for name in SCORES),
        "results/conta/round-1/scores/cam.json",
        "results/other/round-0/scores/cam.json",
    )
    for index, name in [*((0, name) for name in SCORES), (1, "cam")]:
        first, second = (score(workflow, "conta", index, name) for workflow in (finished, again))
        assert first.read_bytes() == second.read_bytes(), f"round {index}: {name}"
    for index, name in [*((0, name) for name in MODELS), (1, "cam")]:
        pair = (models(workflow, "conta", index, name) for workflow in (finished, again))
        assert same(*pair), f"round {index}: {name}"
    other = numbers(again, "other", 0, "cam")
    assert other != numbers(again, "conta", 0, "cam")
    assert not same(models(again, "other", 0, "cam"), models(again, "conta", 0, "cam"))


def test_arms_share_round_0(finished: Workflow) -> None:
    for name in SCORES:
        conta, control = (numbers(finished, run, 0, name) for run in ("conta", "control"))
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
