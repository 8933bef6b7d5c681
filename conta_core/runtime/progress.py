"""Progress of long loops: a bar on a terminal, a line a minute in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from conta_core.runtime.progress_bar import Bar

Item = TypeVar("Item")

#: seconds between two lines
INTERVAL = 60.0
#: a loop that took fewer seconds is not worth a line on the terminal
SHORT = 1.0
#: ``extra`` of what stands in the log file alone, not on the terminal
LOG_ONLY: dict[str, Any] = {"log_only": True}


def track(
    items: Iterable[Item],
    total: int,
    what: str,
    logger: logging.Logger,
    unit: str = "images",
    before: int = 0,
) -> Iterator[Item]:
    """Yield the items and say how far the loop is, its rate and the time left.

    The log gets a line after the first item, one a minute, and one at the end. On a terminal
    a bar takes the place of those in between, see :mod:`conta_core.runtime.progress_bar`. The rate
    leaves out the first item, before which caches are filled and processes started.

    Args:
        items: what to loop over.
        total: how many there are, with those done before.
        what: names the work, e.g. "CAMs".
        logger: of the caller's module.
        unit: what one item is.
        before: how many were done by an earlier process.
    """
    start = first = last = time.monotonic()
    bar = Bar(what)
    try:
        for done, item in enumerate(items, start=before + 1):
            yield item
            now = time.monotonic()
            if done == total:
                bar.close()
                seconds = now - start
                text = f"{what}: {total} {unit} in {_duration(seconds)}"
                logger.info("%s", text, extra=LOG_ONLY if seconds < SHORT else None)
            elif done == before + 1:
                first = last = now
                logger.info("%s: %d of %d %s", what, done, total, unit, extra=LOG_ONLY)
            else:
                rate = (done - before - 1) / max(now - first, 1e-9)
                left = _duration((total - done) / rate)
                bar.draw(done, total, f"{done} of {total} {unit}, {rate:.1f}/s, {left} left")
                if now - last >= INTERVAL:
                    last = now
                    text = f"{what}: {done} of {total} {unit}, {rate:.1f}/s, {left} left"
                    logger.info("%s", text, extra=LOG_ONLY if bar.is_shown else None)
    finally:
        bar.close()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"
