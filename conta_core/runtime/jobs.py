"""What every workflow script does around its one call: logging, errors, memory."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from conta_core.errors import ContaError
from conta_core.runtime.memory import keep_freed_memory
from conta_core.runtime.progress_bar import CLEAR, on_terminal, show_bars

LOGGER = logging.getLogger("conta_core")

# Both must stand before numpy and torch are imported.
# Threads that wait spin a little, then sleep: spinning on (OpenMP's habit) makes every job on
# shared cores several times slower, sleeping at once halves the speed of small operations.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")
# numpy's products are small here, and its threads, which ask nobody, spin too: beside two busy
# processes two of them took twice as long as one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@contextmanager
def job(log: str, rule: str, wildcards: Mapping[str, str]) -> Iterator[None]:
    """Log to the rule's log file and to the terminal; end with one clear line on an error.

    What is logged with :data:`conta_core.runtime.progress.LOG_ONLY` is not for the terminal.

    Args:
        log: path of the log file.
        rule: name of the rule.
        wildcards: ``run`` and, in a rule of one round, ``round``, in one of a part, ``part``
            and ``parts``; or ``comparison``; with the rule's name they begin each line on the
            terminal.

    Raises:
        SystemExit: status 1, where the block raised ContaError or could not write, such as on
            a full disk (no traceback on the terminal); anything else passes through, logged
            with its traceback.
    """
    keep_freed_memory()
    name = _name(rule, wildcards)
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(log, mode="w")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    to_terminal = logging.StreamHandler(sys.stderr)
    start = CLEAR if on_terminal() else ""  # in the place of a bar, this job's or another's
    to_terminal.setFormatter(logging.Formatter(f"{start}{name}: %(message)s"))
    to_terminal.addFilter(lambda record: not getattr(record, "log_only", False))
    show_bars(name)
    LOGGER.handlers = [to_file, to_terminal]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    try:
        yield
    except ContaError as error:
        LOGGER.error("error: %s", error)
        raise SystemExit(1) from None
    except Exception as failure:
        if reason := _cannot_write(failure):
            LOGGER.error("error: %s; mend that and start again: what was finished is kept", reason)
            raise SystemExit(1) from None
        to_terminal.close()
        LOGGER.handlers = [to_file]
        LOGGER.exception("%s failed", name)
        raise
    finally:
        to_file.close()


def _cannot_write(error: BaseException | None) -> str | None:
    """What a full, read-only or forbidden place made of an error; None for any other.

    Some writers (HDF5, safetensors, torch) say it in the text alone.
    """
    while error is not None:
        for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES):
            words = (os.strerror(code), f"errno = {code}", f"os error {code}")
            if getattr(error, "errno", None) == code or any(w in str(error) for w in words):
                where = getattr(error, "filename", None)
                return f"{os.strerror(code)}: {where or ' '.join(str(error).split())}"
        error = error.__cause__ or error.__context__
    return None


def _name(rule: str, wildcards: Mapping[str, str]) -> str:
    words = [wildcards.get("run") or wildcards["comparison"]]
    if wildcards.get("round") is not None:
        words += ["round", wildcards["round"]]
    words.append(rule)
    if wildcards.get("parts", "1") != "1":
        words += [wildcards["part"], "of", wildcards["parts"]]
    return " ".join(words)
