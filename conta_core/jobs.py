"""What every workflow script does around its one call: logging and errors."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conta_core.errors import ContaError

LOGGER = logging.getLogger("conta_core")


@contextmanager
def job(log: str, name: str) -> Iterator[None]:
    """Log to the rule's log file and to the terminal; end with one clear line on an error.

    Args:
        log: path of the log file.
        name: what the terminal's lines begin with, e.g. "round 1 train_cam".

    Raises:
        SystemExit: status 1, where the block raised ContaError (no traceback on the
            terminal); anything else passes through, logged with its traceback.
    """
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(log, mode="w")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.setFormatter(logging.Formatter(f"{name}: %(message)s"))
    LOGGER.handlers = [to_file, to_terminal]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    try:
        yield
    except ContaError as error:
        LOGGER.error("error: %s", error)
        raise SystemExit(1) from None
    except Exception:
        to_terminal.close()
        LOGGER.handlers = [to_file]
        LOGGER.exception("%s failed", name)
        raise
    finally:
        to_file.close()
