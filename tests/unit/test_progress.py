from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from conta_core import progress
from conta_core.progress import track

LOGGER = logging.getLogger("conta_core.some_stage")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    caplog.set_level(logging.INFO, logger="conta_core")
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler = Keep()
    LOGGER.addHandler(handler)
    yield found
    LOGGER.removeHandler(handler)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that the test sets."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_items_pass_through(lines: list[str]) -> None:
    assert list(track("abc", 3, "letters", LOGGER)) == ["a", "b", "c"]
    assert len(lines) == 1
    assert lines[0].startswith("letters: 3 images in 0.")


def test_nothing_to_do(lines: list[str]) -> None:
    assert list(track([], 0, "letters", LOGGER)) == []
    assert lines == []


def test_a_line_every_interval(lines: list[str], clock: list[float]) -> None:
    for item in track(range(100), 100, "CAMs", LOGGER, "steps"):
        clock[0] += 1.0 if item < 25 else 0.125
    assert lines == [
        "CAMs: 10 of 100 steps, 1.0/s, 1 min 30 s left",
        "CAMs: 20 of 100 steps, 1.0/s, 1 min 20 s left",
        "CAMs: 65 of 100 steps, 2.2/s, 16.2 s left",
        "CAMs: 100 steps in 34.4 s",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.4, "59.4 s"),
        (59.6, "1 min 00 s"),
        (61, "1 min 01 s"),
        (7261, "121 min 01 s"),
    ],
)
def test_durations(lines: list[str], clock: list[float], seconds: float, text: str) -> None:
    for _ in track([0], 1, "walk", LOGGER):
        clock[0] += seconds
    assert lines == [f"walk: 1 images in {text}"]


def test_items_are_taken_one_by_one(lines: list[str]) -> None:
    source = iter(range(10))
    tracked = track(source, 10, "x", LOGGER)
    assert next(tracked) == 0
    assert next(source) == 1
    assert next(tracked) == 2
    assert lines == []
