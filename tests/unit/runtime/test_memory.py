from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from conta_core.runtime.memory import INTERVAL, keep_freed_memory, releasing


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


PAGE_FAULTS = """
import resource, sys
import numpy as np
from conta_core.runtime.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
np.ones(2**26, np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(2**26, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="no mallopt in this libc")
def test_freed_memory_is_used_again() -> None:
    def faults(mode: str) -> int:
        words = [sys.executable, "-c", PAGE_FAULTS, mode]
        return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    assert 4 * faults("keep") < faults("as it is")


def test_a_library_without_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    keep_freed_memory()
