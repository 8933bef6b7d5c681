from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset

from conta_core.settings import TrainingSettings
from conta_core.training.frozen_features import Batch, batches
from conta_core.training.schedule import Schedule

COUNT = 7


class Numbered(Dataset[dict[str, Tensor]]):
    """Images that tell which image and which view they are."""

    def __init__(self) -> None:
        self.read: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Tensor]:
        index, view = key
        self.read.append(key)
        image = torch.full((3, 4, 4), 10 * index + view, dtype=torch.uint8)
        image[1, 0, 0] = view
        return {
            "image": image,
            "tags": torch.tensor([float(index), float(view)]),
            "labels": torch.full((4, 4), index, dtype=torch.uint8),
        }


def frozen(images: Tensor) -> list[Tensor]:
    assert images.dtype == torch.uint8
    values = images.float() / 7
    return [values, values[:, :1, ::2, ::2].sqrt()]


def run(
    images: Numbered | None = None,
    *,
    views: int = 0,
    epochs: int = 3,
    seed: tuple[int | str, ...] = (0, 1, "stage"),
    start: int = 0,
) -> list[Batch]:
    settings = TrainingSettings(epochs=epochs, batch_size=3)
    passes = Schedule(COUNT, settings, seed).passes()
    source: Any = images or Numbered()
    device = torch.device("cpu")
    return list(batches(source, frozen, passes, views=views, device=device, start=start))


def test_cached_batches_are_the_fresh_ones() -> None:
    """Up to half precision of the features; targets exactly."""
    fresh, cached = run(views=0), run(views=3)
    assert len(fresh) == len(cached) == 9
    for one, other in zip(fresh, cached, strict=True):
        assert one.epoch == other.epoch
        assert one.whole == other.whole
        assert len(one.features) == len(other.features) == 2
        for a, b in zip(one.features, other.features, strict=True):
            assert b.dtype == torch.float32
            torch.testing.assert_close(b, a, rtol=2**-10, atol=1e-6)
        assert list(one.targets) == list(other.targets) == ["tags", "labels"]
        for name in one.targets:
            assert torch.equal(one.targets[name], other.targets[name])
            assert one.targets[name].dtype == other.targets[name].dtype
    assert any(
        not torch.equal(a.features[0], b.features[0]) for a, b in zip(fresh, cached, strict=True)
    )


@pytest.mark.parametrize("views", [0, 1, 2, 9])
def test_features_belong_to_their_image_and_view(views: int) -> None:
    for batch in run(views=views, epochs=4):
        view = batch.epoch % views if views else batch.epoch
        for row, index in enumerate(batch.whole):
            value = (10 * index + view) / 7
            assert float(batch.features[0][row, 0, 1, 1]) == pytest.approx(value, rel=1e-3)
            assert float(batch.features[0][row, 1, 0, 0]) == pytest.approx(view / 7, rel=1e-3)
            assert batch.targets["tags"][row].tolist() == [index, view]
            assert (batch.targets["labels"][row] == index).all()
            assert batch.features[1].shape[1:] == (1, 2, 2)


def test_how_often_an_image_is_read() -> None:
    cached, fresh = Numbered(), Numbered()
    run(cached, views=2, epochs=5)
    assert sorted(cached.read) == [(index, view) for index in range(COUNT) for view in range(2)]
    run(fresh, views=0, epochs=5)
    assert sorted(fresh.read) == [(index, view) for index in range(COUNT) for view in range(5)]
    more_views_than_epochs = Numbered()
    run(more_views_than_epochs, views=9, epochs=2)
    assert len(more_views_than_epochs.read) == 2 * COUNT


@pytest.mark.parametrize("views", [0, 2])
def test_every_image_once_an_epoch(views: int) -> None:
    orders = orders_of(run(views=views))
    assert list(orders) == [0, 1, 2]
    for order in orders.values():
        assert sorted(order) == list(range(COUNT))
    assert len({tuple(order) for order in orders.values()}) == 3
    assert [len(batch.whole) for batch in run(views=views)] == [3, 3, 1] * 3


def orders_of(found: list[Batch]) -> dict[int, list[int]]:
    orders: dict[int, list[int]] = {}
    for batch in found:
        orders.setdefault(batch.epoch, []).extend(batch.whole)
    return orders


def test_order_hangs_on_the_seed_alone() -> None:
    first = orders_of(run())
    torch.manual_seed(99)
    assert orders_of(run()) == first
    assert orders_of(run(views=2)) == first
    assert orders_of(run(seed=(1, 1, "stage"))) != first
    assert orders_of(run(seed=(0, 2, "stage"))) != first
    # more epochs do not change the earlier ones
    longer = orders_of(run(epochs=5))
    assert {epoch: longer[epoch] for epoch in first} == first


def test_more_images_than_one_cache_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(views=3)
    monkeypatch.setattr("conta_core.training.frozen_features.CACHE_BATCH", 4)
    for one, other in zip(expected, run(views=3), strict=True):
        assert torch.equal(one.features[0], other.features[0])
        assert torch.equal(one.targets["tags"], other.targets["tags"])


@pytest.mark.parametrize("views", [0, 2])
def test_from_a_later_pass_on(views: int) -> None:
    whole, rest = run(views=views), run(views=views, start=4)
    assert len(rest) == len(whole) - 4
    for one, other in zip(whole[4:], rest, strict=True):
        assert (one.epoch, one.whole) == (other.epoch, other.whole)
        assert torch.equal(one.features[0], other.features[0])


def test_reading_moves_no_other_draw() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    run()
    assert torch.equal(torch.rand(2), expected)


def test_frozen_features_have_no_gradient() -> None:
    weight = torch.ones(1, requires_grad=True)
    source: Any = Numbered()
    passes = Schedule(COUNT, TrainingSettings(epochs=1, batch_size=4), (0,)).passes()
    for views in (0, 1):
        found = batches(
            source,
            lambda images: [images.float() * weight],
            passes,
            views=views,
            device=torch.device("cpu"),
        )
        assert not any(batch.features[0].requires_grad for batch in found)
