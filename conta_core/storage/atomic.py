"""Files that appear whole or not at all."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replace_when_done(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path in the same folder; when the block ends well, move it to ``path``.

    The file is flushed to disk first. When the block raises, the temporary file is
    removed and a file that was at ``path`` stays as it was.
    """
    final = Path(path)
    temporary = _temporary(final)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # some writers (safetensors) make private files
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, final)
    except OSError as error:  # of a full disk it does not name the file
        error.filename = error.filename or str(final)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replace_folder_when_done(path: str | os.PathLike[str]) -> Iterator[Path]:
    """The same for a folder: filled under a temporary name, then moved to ``path``."""
    final = Path(path)
    temporary = _temporary(final)
    temporary.mkdir()
    try:
        yield temporary
        if final.exists():
            shutil.rmtree(final)
        os.replace(temporary, final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary(final: Path) -> Path:
    """A name beside a path, after what killed jobs left of it is gone (no two write one path)."""
    final.parent.mkdir(parents=True, exist_ok=True)
    for left in final.parent.glob(f".{glob.escape(final.name)}.tmp-*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    return final.with_name(f".{final.name}.tmp-{os.getpid()}")


def _umask() -> int:
    """The process's umask; reading it means setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
