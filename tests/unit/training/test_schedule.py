from __future__ import annotations

import pytest

from conta_core.settings import TrainingSettings
from conta_core.training.schedule import Schedule


def schedule(images: int, seed: int = 0, **settings: object) -> Schedule:
    return Schedule(images, TrainingSettings(**settings), (seed, 0, "stage"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("images", "batch_size", "epochs", "steps"),
    [(10, 5, 3, 6), (11, 5, 3, 9), (1, 16, 2, 2), (16, 16, 1, 1), (17, 16, 1, 2)],
)
def test_steps_of_epochs(images: int, batch_size: int, epochs: int, steps: int) -> None:
    plan = schedule(images, batch_size=batch_size, epochs=epochs)
    assert plan.steps == len(plan.passes()) == steps
    assert plan.epochs == epochs


def test_every_image_once_an_epoch() -> None:
    passes = schedule(7, batch_size=3, epochs=2).passes()
    assert [len(one.indices) for one in passes] == [3, 3, 1] * 2
    assert [one.epoch for one in passes] == [0, 0, 0, 1, 1, 1]
    orders = [sum((one.indices for one in passes if one.epoch == e), ()) for e in (0, 1)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(7))
    assert orders[0] != orders[1]


def test_iterations_instead_of_epochs() -> None:
    """deeplab-pytorch counts iterations, and begins the list again as often as needed."""
    plan = schedule(7, batch_size=3, epochs=1, iterations=5, accumulate=2)
    assert plan.steps == 5
    assert len(plan.passes()) == 10
    assert plan.epochs == 4
    longer = schedule(7, batch_size=3, epochs=1, iterations=6, accumulate=2)
    assert longer.passes()[:10] == plan.passes()


def test_accumulated_steps_are_whole() -> None:
    plan = schedule(7, batch_size=3, epochs=3, accumulate=2)
    assert plan.steps == 4  # of nine passes the last has no partner
    assert len(plan.passes()) == 8
    tiny = schedule(1, batch_size=3, epochs=1, accumulate=4)
    assert tiny.steps == 1
    assert len(tiny.passes()) == 4


def test_poly() -> None:
    plan = schedule(10, batch_size=5, epochs=4)
    assert [plan.rate(step) for step in range(8)] == pytest.approx(
        [(1 - step / 8) ** 0.9 for step in range(8)]
    )


def test_poly_every_ten_steps() -> None:
    plan = schedule(10, batch_size=5, iterations=40, poly_interval=10)
    assert {plan.rate(step) for step in range(10)} == {1.0}
    assert plan.rate(10) == plan.rate(19) == pytest.approx(0.75**0.9)
    assert plan.rate(20) < plan.rate(19)


def test_the_order_hangs_on_the_seed() -> None:
    first = schedule(30, batch_size=4, epochs=2).passes()
    assert schedule(30, batch_size=4, epochs=2).passes() == first
    assert schedule(30, seed=1, batch_size=4, epochs=2).passes() != first
