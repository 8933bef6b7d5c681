"""One function over many images, in several processes, results in order."""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from conta_core.errors import ContaError

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def map_in_order(
    function: Callable[[Argument], Result], arguments: Iterable[Argument], workers: int
) -> Iterator[Result]:
    """Yield ``function(argument)`` for each argument, in order.

    Args:
        function: a function of a module (workers find it by name).
        arguments: read lazily, a few ahead of the results, so that memory stays flat.
        workers: processes; 1 computes here. Workers are forked: call this before
            anything starts threads (torch, HDF5 files opened for writing).

    Raises:
        ContaError: a worker process died.
    """
    if workers <= 1:
        yield from map(function, arguments)
        return
    context = multiprocessing.get_context("fork")
    try:
        with ProcessPoolExecutor(workers, context, _end_with_parent) as pool:
            waiting: deque[Future[Result]] = deque()
            for argument in arguments:
                waiting.append(pool.submit(function, argument))
                if len(waiting) >= 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    except BrokenProcessPool:
        raise ContaError(
            "a worker process died: it was killed, or there was not enough memory; start again "
            "(what was finished is kept), with fewer threads or more memory"
        ) from None


def _end_with_parent() -> None:
    """Let a killed job leave no workers behind (Linux: PR_SET_PDEATHSIG)."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(1, signal.SIGKILL)
