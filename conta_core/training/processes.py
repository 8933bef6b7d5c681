"""Several processes for one training, one a GPU (torch's distributed data parallel).

Process 0 is the one that was there: it logs and writes. The others are started by
:func:`in_processes`, do the same work on their share of every batch, and end with it.
"""

from __future__ import annotations

import datetime
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

from conta_core.errors import ContaError

LOGGER = logging.getLogger(__name__)
#: a process that hears nothing from the others for so long gives up
PATIENCE = datetime.timedelta(minutes=30)
#: seconds that process 0 may take to notice by itself that another has failed
GRACE = 10.0


def rank() -> int:
    """The number of this process, 0 where there is one."""
    return dist.get_rank() if dist.is_initialized() else 0


def count() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this is the process that logs and writes."""
    return rank() == 0


def sum_over_processes(values: Tensor) -> Tensor:
    """The sum of a tensor over the processes, without a gradient."""
    if not dist.is_initialized():
        return values.detach()
    total = values.detach().clone()
    dist.all_reduce(total)
    return total


def gather_objects(value: Any) -> list[Any]:
    """The value of every process, by number."""
    if not dist.is_initialized():
        return [value]
    values: list[Any] = [None] * count()
    dist.all_gather_object(values, value)
    return values


def in_processes(stage: Callable[..., None]) -> Callable[..., None]:
    """Give a stage the keyword argument ``processes``: how many do it together.

    Args:
        stage: of a module's top level, with picklable keyword arguments.
    """

    @wraps(stage)
    def start(*, processes: int = 1, **arguments: Any) -> None:
        if processes == 1:
            stage(**arguments)
        else:
            _run(start, arguments, processes)

    return start


def _run(function: Callable[..., None], arguments: dict[str, Any], processes: int) -> None:
    """Call a function in so many processes that may talk to each other."""
    with tempfile.TemporaryDirectory(prefix="conta-") as folder:
        meeting = str(Path(folder) / "processes")
        context = mp.get_context("spawn")
        others = [
            context.Process(
                target=_other, args=(function, arguments, number, processes, meeting), daemon=True
            )
            for number in range(1, processes)
        ]
        for other in others:
            other.start()
        done = threading.Event()
        threading.Thread(target=_watch, args=(others, done), daemon=True).start()
        try:
            with _member(0, processes, meeting):
                function(**arguments)
            for other in others:
                other.join()
        finally:
            done.set()
            for other in others:
                other.terminate()
                other.join()
        failed = [number for number, other in enumerate(others, 1) if other.exitcode != 0]
        if failed:
            raise ContaError(f"process {failed[0]} of {processes} failed; its error stands above")


def _other(
    function: Callable[..., None],
    arguments: dict[str, Any],
    number: int,
    processes: int,
    meeting: str,
) -> None:
    logging.basicConfig(level=logging.WARNING, format=f"process {number}: %(message)s")
    with _member(number, processes, meeting):
        try:
            function(**arguments)
        except ContaError as error:
            LOGGER.error("error: %s", error)
            raise SystemExit(1) from None


@contextmanager
def _member(number: int, processes: int, meeting: str) -> Iterator[None]:
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(number)
    dist.init_process_group(
        "nccl" if cuda else "gloo",
        init_method=f"file://{meeting}",
        rank=number,
        world_size=processes,
        timeout=PATIENCE,
    )
    try:
        yield
    finally:
        dist.destroy_process_group()


def _watch(others: list[Any], done: threading.Event) -> None:
    """End this process soon after another failed: a collective call would wait for it."""
    while not done.wait(1.0):
        failed = [n for n, other in enumerate(others, 1) if other.exitcode not in (None, 0)]
        if failed and not done.wait(GRACE):
            LOGGER.error(
                "error: process %d failed, so this one ends; see its error above", failed[0]
            )
            os._exit(1)
