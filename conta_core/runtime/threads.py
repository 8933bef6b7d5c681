"""One function over many arguments, in several threads, results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def map_in_threads(
    function: Callable[[Argument], Result],
    arguments: Iterable[Argument],
    workers: int,
    ahead: int = 2,
) -> Generator[Result]:
    """Yield ``function(argument)`` for each argument, in order, computed by threads.

    Args:
        function: of one argument; may run several times at once.
        arguments: read lazily, in the caller's thread.
        workers: threads.
        ahead: arguments taken before a result is asked for, a worker.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for argument in arguments:
                waiting.append(pool.submit(function, argument))
                if len(waiting) >= ahead * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))
