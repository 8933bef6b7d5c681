"""SIGTERM while training: finish the step, keep the state, end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: what a shell reports of a process that SIGTERM ended
EXIT_STATUS = 128 + signal.SIGTERM


class Interruption:
    """Whether this process was asked to end."""

    def __init__(self) -> None:
        self.asked = False

    def _ask(self, signum: int, frame: FrameType | None) -> None:
        self.asked = True


@contextmanager
def noticed() -> Iterator[Interruption]:
    """Notice SIGTERM instead of dying of it, until the block ends.

    In a thread other than the main one, where Python allows no handlers, nothing is noticed.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = signal.signal(signal.SIGTERM, interruption._ask)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGTERM, before)
