from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from chain import CAM, Chain
from safetensors.torch import load_file
from torch import Tensor

from conta_core.training.frozen_features import Batch, batches


def test_what_learned(chain: Chain, tmp_path: Path) -> None:
    """What is to learn moved, what is frozen did not."""
    chain.train_cam(
        output=str(tmp_path / "still.safetensors"),
        settings=CAM.model_copy(update={"learning_rate": 0.0}),
    )
    before = load_file(tmp_path / "still.safetensors")
    after = load_file(chain.path("cam.safetensors"))
    for key, value in before.items():
        learned = not torch.equal(after[key], value)
        frozen = key.startswith(("backbone.blocks.0", "backbone.blocks.1", "backbone.blocks.2"))
        statistic = key.endswith(("running_mean", "running_var", "num_batches_tracked"))
        assert learned == (not frozen and not statistic), key


def drawn(
    monkeypatch: pytest.MonkeyPatch, run: Callable[[], Any]
) -> tuple[list[Batch], list[dict[str, Any]]]:
    """The batches that a training reads and its parameter groups; nothing is learned."""
    kept: list[Batch] = []
    groups: list[dict[str, Any]] = []

    def keep(objective: Any, given: Any, images: Any, schedule: Any, **options: Any) -> None:
        views, device = schedule.settings.views, torch.device("cpu")
        passes = schedule.passes()
        kept.extend(batches(images, objective.frozen, passes, views=views, device=device))
        assert len(kept) == schedule.steps
        groups.extend(given)

    monkeypatch.setattr("conta_core.training.model_training.train", keep)
    run()
    return kept, groups


@pytest.mark.parametrize("views", [0, 2])
def test_arms_draw_the_same(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, views: int
) -> None:
    """Control and conta: the same initial weights and batches, but for M and its weights."""
    settings = CAM.model_copy(update={"views": views})
    files = {name: tmp_path / f"{name}.safetensors" for name in ("control", "conta")}

    def run(name: str) -> tuple[list[Batch], list[dict[str, Any]]]:
        context = chain.path("context.h5") if name == "conta" else None
        return drawn(
            monkeypatch,
            lambda: chain.train_cam(
                output=str(files[name]), round_index=1, context=context, settings=settings
            ),
        )

    (control, _), (conta, _) = run("control"), run("conta")
    assert len(control) == len(conta) == 2 * CAM.epochs
    for one, other in zip(control, conta, strict=True):
        assert one.epoch == other.epoch
        assert one.whole == other.whole
        assert torch.equal(one.targets["tags"], other.targets["tags"])
        for a, b in zip(one.features, other.features, strict=True):
            assert torch.equal(a, b)
        assert "context" not in one.targets
        assert other.targets["context"].shape == (4, 1, 6, 6)
    plain, reading = (load_file(files[name]) for name in ("control", "conta"))
    assert set(reading) - set(plain) == {"backbone.context_inputs.5.weights.0"}
    for key, value in plain.items():
        assert torch.equal(reading[key], value), key


def test_groups_of_the_classifier(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Head and context learn faster; each learning tensor is in one group."""
    _, groups = drawn(
        monkeypatch,
        lambda: chain.train_cam(
            output=str(tmp_path / "x.safetensors"), round_index=1, context=chain.path("context.h5")
        ),
    )
    assert [group["lr"] for group in groups] == [pytest.approx(0.1), pytest.approx(0.01)]
    sizes = [[tuple(p.shape) for p in group["params"]] for group in groups]
    assert sizes[0] == [(6, 112, 1, 1), (480, 1, 1, 1)]
    members = [id(p) for group in groups for p in group["params"]]
    assert len(set(members)) == len(members)
    assert all(p.requires_grad for group in groups for p in group["params"])


def test_rounds_and_seeds_draw_anew(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(**change: Any) -> tuple[list[tuple[int, ...]], Tensor]:
        path = tmp_path / "x.safetensors"
        found, _ = drawn(monkeypatch, lambda: chain.train_cam(output=str(path), **change))
        return [batch.whole for batch in found], load_file(path)["classifier.weight"]

    order, weight = run()
    for change in ({"round_index": 1}, {"seed": 1}):
        other_order, other_weight = run(**change)
        assert order != other_order
        assert not torch.equal(weight, other_weight)
