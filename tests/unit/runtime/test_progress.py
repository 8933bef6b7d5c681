from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from conta_core.runtime import progress
from conta_core.runtime.progress import track

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
    assert lines[0] == "letters: 1 of 3 images"
    assert lines[1].startswith("letters: 3 images in 0.")
    assert len(lines) == 2


def test_nothing_to_do(lines: list[str]) -> None:
    assert list(track([], 0, "letters", LOGGER)) == []
    assert lines == []


def test_a_line_a_minute(lines: list[str], clock: list[float]) -> None:
    """The first item, which fills caches, is not in the rate."""
    for item in track(range(100), 100, "CAMs", LOGGER, "steps"):
        clock[0] += 30.0 if item == 0 else 6.0 if item < 25 else 2.0
    assert lines == [
        "CAMs: 1 of 100 steps",
        "CAMs: 11 of 100 steps, 0.2/s, 8 min 54 s left",
        "CAMs: 21 of 100 steps, 0.2/s, 7 min 54 s left",
        "CAMs: 43 of 100 steps, 0.2/s, 4 min 04 s left",
        "CAMs: 73 of 100 steps, 0.3/s, 1 min 30 s left",
        "CAMs: 100 steps in 5 min 24 s",
    ]


def test_going_on(lines: list[str], clock: list[float]) -> None:
    """What an earlier process did is not in the rate."""
    for _ in track(range(80), 100, "CAMs", LOGGER, before=20):
        clock[0] += 1.0
    assert lines == [
        "CAMs: 21 of 100 images",
        "CAMs: 81 of 100 images, 1.0/s, 19.0 s left",
        "CAMs: 100 images in 1 min 20 s",
    ]


@pytest.mark.parametrize(("seconds", "shown"), [(0.4, []), (2.0, ["walk: 2 images in 2.0 s"])])
def test_what_the_terminal_gets(
    seconds: float, shown: list[str], caplog: pytest.LogCaptureFixture, clock: list[float]
) -> None:
    """Neither the first line nor loops that took no time."""
    caplog.set_level(logging.INFO, logger="conta_core")
    for number in track([0, 1], 2, "walk", LOGGER):
        clock[0] += seconds * number
    assert len(caplog.records) == 2
    records = [r for r in caplog.records if not getattr(r, "log_only", False)]
    assert [r.getMessage() for r in records] == shown


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
    assert lines == ["x: 1 of 10 images"]
