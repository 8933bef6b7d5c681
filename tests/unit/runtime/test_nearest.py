from __future__ import annotations

from conta_core.runtime.nearest import nearest


def test_nearest_first() -> None:
    ids = [f"train_{i:06d}" for i in range(300)]
    assert nearest("train_00007", ids)[0] == "train_000007"
    assert nearest("train_000299x", ids, 1) == ["train_000299"]
    assert nearest("rtain_000007", ids, 1) == ["train_000007"]
    assert nearest("boaat", ["cat", "boat", "boats"]) == ["boat", "boats"]
    assert nearest("dsic", ["disc", "cross"]) == ["disc"]


def test_nothing_is_near() -> None:
    assert nearest("xyz", ["boat", "cat"]) == []
    assert nearest("xyz", []) == []
    assert nearest("", ["boat"]) == []


def test_many_names() -> None:
    ids = [f"{2007 + i % 5}_{i:06d}" for i in range(100_000)]
    assert nearest("2008_0000016", ids, 1) == ["2008_000016"]
