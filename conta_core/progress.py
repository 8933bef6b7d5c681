"""Progress of long loops, as lines in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

#: seconds between two lines
INTERVAL = 10.0


def track(
    items: Iterable[Item],
    total: int,
    what: str,
    logger: logging.Logger,
    unit: str = "images",
    before: int = 0,
) -> Iterator[Item]:
    """Yield the items and log how far the loop is, its rate and the time left.

    Args:
        items: what to loop over.
        total: how many there are, with those done before.
        what: names the work, e.g. "CAMs".
        logger: of the caller's module.
        unit: what one item is.
        before: how many were done by an earlier process.
    """
    start = last = time.monotonic()
    for done, item in enumerate(items, start=before + 1):
        yield item
        now = time.monotonic()
        if done == total:
            logger.info("%s: %d %s in %s", what, total, unit, _duration(now - start))
        elif now - last >= INTERVAL:
            last = now
            rate = (done - before) / (now - start)
            left = _duration((total - done) / rate)
            logger.info("%s: %d of %d %s, %.1f/s, %s left", what, done, total, unit, rate, left)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"
