from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from toy import COUNT, SEED, Line, Numbers, train_toy

from conta_core.errors import ContaError
from conta_core.settings import TrainingSettings
from conta_core.training.engine import train
from conta_core.training.files import NO_FILES
from conta_core.training.objective import Objective, learning, weighted_ratios
from conta_core.training.schedule import Schedule


class Fixed(Objective):
    """A loss that is the given multiple of the sum of its parameters."""

    weights = (1.0,)

    def __init__(self, slopes: list[float]) -> None:
        super().__init__()
        self.slopes = slopes
        self.values = nn.ParameterList(nn.Parameter(torch.zeros(())) for _ in slopes)
        self.seen: list[list[float]] = []

    def frozen(self, images: Tensor) -> list[Tensor]:
        return [images]

    def forward(self, features: list[Tensor], targets: Any) -> tuple[Tensor, ...]:
        self.seen.append([value.item() for value in self.values])
        total = sum(slope * value for slope, value in zip(self.slopes, self.values, strict=True))
        return torch.as_tensor(total)[None], torch.ones(1)


def run(objective: Fixed, rates: list[float], decay: float = 0.0, **settings: Any) -> list[float]:
    """The values after the training."""
    groups = [
        {"params": [value], "lr": rate, "weight_decay": decay}
        for value, rate in zip(objective.values, rates, strict=True)
    ]
    images: Any = Numbers()
    options = {"batch_size": COUNT, "momentum": 0.0, **settings}
    schedule = Schedule(COUNT, TrainingSettings(**options), SEED)
    train(objective, groups, images, schedule, what="thing", key="", files=NO_FILES)
    return [value.item() for value in objective.values]


def test_poly_schedule() -> None:
    """With gradient 1 and no momentum a parameter falls by the learning rate."""
    objective = Fixed([1.0, 1.0])
    last = run(objective, [0.1, 2.0], epochs=8)
    seen = [*objective.seen, last]
    for step in range(8):
        factor = (1 - step / 8) ** 0.9
        assert seen[step][0] - seen[step + 1][0] == pytest.approx(0.1 * factor, rel=1e-4)
        assert seen[step][1] - seen[step + 1][1] == pytest.approx(2.0 * factor, rel=1e-4)


def test_momentum_and_weight_decay() -> None:
    """SGD written out: v = m v + g + d w; w = w - lr v."""
    found = run(Fixed([3.0]), [0.1], decay=0.5, epochs=5, momentum=0.9)
    expected, velocity = 0.0, 0.0
    for step in range(5):
        velocity = 0.9 * velocity + 3 + 0.5 * expected
        expected -= 0.1 * (1 - step / 5) ** 0.9 * velocity
    assert found == pytest.approx([expected], rel=1e-5)


def test_clip_limits_the_whole_gradient() -> None:
    """The norm is taken over both groups, 5 here; it is scaled down to 1 and never up."""

    def moved(scale: float, clip: float | None) -> list[float]:
        objective = Fixed([3 * scale, 4 * scale])
        found = run(objective, [1.0, 1.0], iterations=1, gradient_clip=clip)
        return [-value for value in found]

    assert moved(1.0, 1.0) == pytest.approx([0.6, 0.8], rel=1e-4)
    assert moved(100.0, 1.0) == pytest.approx([0.6, 0.8], rel=1e-4)
    assert moved(1.0, None) == pytest.approx([3, 4])
    assert moved(0.01, 1.0) == pytest.approx([0.03, 0.04], rel=1e-4)


def test_gradients_do_not_add_up_over_steps() -> None:
    assert run(Fixed([1.0]), [1.0], epochs=2) == pytest.approx([-1 - 0.5**0.9])


def test_accumulated_passes_give_the_mean_gradient() -> None:
    objective = Fixed([1.0])
    assert run(objective, [1.0], iterations=1, accumulate=4) == pytest.approx([-1.0])
    assert len(objective.seen) == 4


def toy_weights(path: Path, **settings: Any) -> dict[str, Tensor]:
    options = {"epochs": 3, "batch_size": 4, **settings}
    train_toy(output=str(path), settings=TrainingSettings(**options))
    return load_file(path)


@torch.no_grad()
def error(weights: dict[str, Tensor]) -> float:
    """Mean squared error on view 0 of the images."""
    objective, images = Line(), Numbers()
    objective.load_state_dict(weights)
    total = 0.0
    for index in range(COUNT):
        sample = images[index, 0]
        output = objective.layer(sample["image"].float().flatten()[None] / 255)
        total += float((output - sample["target"]) ** 2)
    return total / COUNT


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_training_reduces_a_loss(precision: str, tmp_path: Path) -> None:
    found = toy_weights(tmp_path / "model", epochs=60, precision=precision)
    assert error(found) < 0.25 * error(dict(Line().state_dict()))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_keeps_float32_weights(precision: str, tmp_path: Path) -> None:
    """Near the float32 result and not the same: the forward pass was rounded."""
    exact = toy_weights(tmp_path / "exact", epochs=10)
    mixed = toy_weights(tmp_path / "mixed", epochs=10, precision=precision)
    for name, expected in exact.items():
        assert mixed[name].dtype == torch.float32
        assert not torch.equal(mixed[name], expected)
        torch.testing.assert_close(mixed[name], expected, rtol=0.05, atol=0.01)


@pytest.mark.parametrize("views", [0, 2])
def test_a_loss_that_is_not_finite(views: int, tmp_path: Path) -> None:
    output = tmp_path / "model"
    settings = TrainingSettings(epochs=2, batch_size=1, views=views)
    with pytest.raises(ContaError) as raised:
        train_toy(output=str(output), settings=settings, broken=5)
    message = str(raised.value)
    position = [one.indices for one in Schedule(COUNT, settings, SEED).passes()].index((5,))
    assert message.startswith("toy: the loss is nan ")
    assert f"at step {position} of {2 * COUNT} on the images ['image 5']" in message
    assert "lower the learning rate" in message
    assert not output.exists()


def test_mean_loss_of_each_epoch(caplog: pytest.LogCaptureFixture) -> None:
    """The loss is the parameter, which falls by the learning rate a step."""
    caplog.set_level(logging.INFO, logger="conta_core")
    objective = Fixed([1.0])
    run(objective, [0.1], epochs=2, batch_size=6)
    seen = [value for (value,) in objective.seen]
    lines = [record.getMessage() for record in caplog.records if "epoch" in record.getMessage()]
    assert lines == [
        f"thing: epoch 1: loss {(seen[0] + seen[1]) / 2:.4f}",
        f"thing: epoch 2: loss {(seen[2] + seen[3]) / 2:.4f}",
    ]


def test_learning() -> None:
    layer = nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    assert [p is layer.weight for p in learning(layer.parameters())] == [True]


def test_weighted_ratios() -> None:
    sums, counts = torch.tensor([6.0, 5.0, 0.0]), torch.tensor([3.0, 4.0, 0.0])
    assert float(weighted_ratios(sums, counts, (1.0, 2.0, 7.0))) == pytest.approx(2 + 2.5)
    assert float(weighted_ratios(sums, counts, (1.0, 2.0, 7.0), 1.0)) == pytest.approx(1.5 + 2)


def test_nothing_counted_gives_no_gradient() -> None:
    value = torch.tensor([3.0], requires_grad=True)
    weighted_ratios(value * 0, torch.zeros(1), (1.0,)).backward()
    assert value.grad is not None
    assert float(value.grad) == 0
