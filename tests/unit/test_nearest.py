from __future__ import annotations

from conta_core.nearest import nearest


def test_nearest() -> None:
    known = ["2007_000032", "2007_000033", "2008_123456", "cat"]
    assert nearest("2007_000034", known)[:2] == ["2007_000033", "2007_000032"]
    assert nearest("2007_000034", known, count=1) == ["2007_000033"]
    assert nearest("zebra", iter(known)) == []
