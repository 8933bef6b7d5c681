from __future__ import annotations

import ctypes

import pytest

from conta_core.memory import INTERVAL, releasing


def test_every_item_in_order() -> None:
    assert list(releasing(range(2 * INTERVAL + 3))) == list(range(2 * INTERVAL + 3))


def test_how_often(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    class Library:
        def malloc_trim(self, pad: int) -> None:
            calls.append(pad)

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    list(releasing(range(2 * INTERVAL + 3)))
    assert calls == [0, 0]


def test_a_library_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert list(releasing("ab" * INTERVAL)) == list("ab" * INTERVAL)
