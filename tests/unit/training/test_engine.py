from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from conta_core.errors import ContaError
from conta_core.training.engine import learning, train
from conta_core.training.frozen_features import Batch

IDS = ("zero", "one", "two", "three")


def steps(total: int, per_epoch: int = 4) -> Iterator[Batch]:
    for step in range(total):
        index = step % per_epoch
        yield Batch(step // per_epoch, torch.tensor([index]), [], {"step": torch.tensor(step)})


def run(
    loss_of: Callable[[Batch], Tensor],
    groups: list[dict[str, object]],
    total: int = 8,
    momentum: float = 0.0,
    clip: float | None = None,
) -> float:
    return train(
        steps(total),
        loss_of,
        groups,
        momentum=momentum,
        total=total,
        what="thing",
        ids=IDS,
        clip=clip,
    )


def test_poly_schedule() -> None:
    """With gradient 1 and no momentum a parameter falls by the learning rate."""
    slow, fast = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))
    seen: list[tuple[float, float]] = []

    def loss_of(batch: Batch) -> Tensor:
        seen.append((slow.item(), fast.item()))
        return slow + fast

    groups = [
        {"params": [slow], "lr": 0.1, "weight_decay": 0.0},
        {"params": [fast], "lr": 2.0, "weight_decay": 0.0},
    ]
    run(loss_of, groups)
    seen.append((slow.item(), fast.item()))
    for step in range(8):
        factor = (1 - step / 8) ** 0.9
        assert seen[step][0] - seen[step + 1][0] == pytest.approx(0.1 * factor, rel=1e-4)
        assert seen[step][1] - seen[step + 1][1] == pytest.approx(2.0 * factor, rel=1e-4)


def test_momentum_and_weight_decay() -> None:
    """SGD written out: v = m v + g + d w; w = w - lr v."""
    weight = nn.Parameter(torch.tensor(1.0))
    run(lambda batch: 3 * weight, [{"params": [weight], "lr": 0.1, "weight_decay": 0.5}], 5, 0.9)
    expected, velocity = 1.0, 0.0
    for step in range(5):
        velocity = 0.9 * velocity + 3 + 0.5 * expected
        expected -= 0.1 * (1 - step / 5) ** 0.9 * velocity
    assert weight.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite(bad: float) -> None:
    weight = nn.Parameter(torch.tensor(1.0))
    seen: list[float] = []

    def loss_of(batch: Batch) -> Tensor:
        seen.append(weight.item())
        return weight * (bad if int(batch.targets["step"]) == 6 else 1.0)

    with pytest.raises(ContaError) as raised:
        run(loss_of, [{"params": [weight], "lr": 0.1, "weight_decay": 0.0}])
    message = str(raised.value)
    assert message.startswith("thing: the loss is ")
    assert "at step 6 of 8 on the images ['two']" in message
    assert "lower the learning rate" in message
    # the step was not taken
    assert weight.item() == seen[-1]
    assert len(seen) == 7


def test_clip_limits_the_whole_gradient() -> None:
    """The norm is taken over both groups, 5 here; it is scaled down to 1 and never up."""

    def moved(scale: float, clip: float | None) -> list[float]:
        one, other = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))
        groups = [
            {"params": [one], "lr": 1.0, "weight_decay": 0.0},
            {"params": [other], "lr": 1.0, "weight_decay": 0.0},
        ]
        run(lambda batch: scale * (3 * one + 4 * other), groups, 1, clip=clip)
        return [-one.item(), -other.item()]

    assert moved(1.0, 1.0) == pytest.approx([0.6, 0.8], rel=1e-4)
    assert moved(100.0, 1.0) == pytest.approx([0.6, 0.8], rel=1e-4)
    assert moved(1.0, None) == pytest.approx([3, 4])
    assert moved(0.01, 1.0) == pytest.approx([0.03, 0.04], rel=1e-4)


def test_training_reduces_a_loss() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(4, 16, 5, generator=generator)
    truth = torch.randn(5, 1, generator=generator)
    layer = nn.Linear(5, 1)

    def loss_of(batch: Batch) -> Tensor:
        x = inputs[int(batch.indices[0])]
        return (layer(x) - x @ truth).square().mean()

    with torch.no_grad():
        before = sum(float(loss_of(batch)) for batch in steps(4)) / 4
    groups = [{"params": list(layer.parameters()), "lr": 0.1, "weight_decay": 0.0}]
    last = run(loss_of, groups, 80, 0.9)
    with torch.no_grad():
        after = sum(float(loss_of(batch)) for batch in steps(4)) / 4
    assert after < 1e-3 * before
    assert last == pytest.approx(after, rel=1, abs=1e-4)


def test_mean_loss_of_each_epoch(caplog: pytest.LogCaptureFixture) -> None:
    weight = nn.Parameter(torch.zeros(()))
    caplog.set_level(logging.INFO, logger="conta_core")
    groups = [{"params": [weight], "lr": 0.0, "weight_decay": 0.0}]
    found = run(lambda batch: weight + batch.targets["step"].float(), groups, 10)
    # epochs of 4 steps: 0..3, 4..7 and 8, 9
    assert found == pytest.approx(8.5)
    lines = [record.getMessage() for record in caplog.records if "epoch" in record.getMessage()]
    assert lines == [
        "thing: epoch 1: loss 1.5000",
        "thing: epoch 2: loss 5.5000",
        "thing: epoch 3: loss 8.5000",
    ]


def test_gradients_do_not_add_up() -> None:
    weight = nn.Parameter(torch.tensor(0.0))
    groups = [{"params": [weight], "lr": 1.0, "weight_decay": 0.0}]
    run(lambda batch: weight, groups, 2)
    assert weight.item() == pytest.approx(-1 - 0.5**0.9)


def test_learning() -> None:
    layer = nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    assert [p is layer.weight for p in learning(layer.parameters())] == [True]
