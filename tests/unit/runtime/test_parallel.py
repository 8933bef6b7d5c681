from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from conta_core.errors import ContaError
from conta_core.runtime.parallel import map_in_order


def slow_square(value: int) -> int:
    """The first ones take longest, so that results come in out of order."""
    time.sleep(0.05 if value < 2 else 0.0)
    return value * value


def refuse_three(value: int) -> int:
    if value == 3:
        raise ContaError("image 3: broken; replace it")
    return value


def process(value: int) -> int:
    time.sleep(0.05)
    return os.getpid()


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 5, 40])
def test_results_come_in_order(workers: int, count: int) -> None:
    found = list(map_in_order(slow_square, range(count), workers))
    assert found == [value * value for value in range(count)]


def test_one_worker_is_this_process() -> None:
    assert set(map_in_order(process, range(2), 1)) == {os.getpid()}


def test_workers_are_other_processes() -> None:
    found = set(map_in_order(process, range(4), 2))
    assert os.getpid() not in found
    assert 1 <= len(found) <= 2


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_passes_through(workers: int) -> None:
    results = map_in_order(refuse_three, range(6), workers)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ContaError, match="image 3: broken"):
        next(results)


@pytest.mark.parametrize("workers", [1, 2])
def test_arguments_are_read_a_few_ahead(workers: int) -> None:
    read = []

    def arguments() -> Iterator[int]:
        for value in range(100):
            read.append(value)
            yield value

    results = map_in_order(slow_square, arguments(), workers)
    assert read == []
    for done in range(1, 101):
        next(results)
        assert len(read) <= min(100, done + 4 * workers)
    with pytest.raises(StopIteration):
        next(results)
