"""Whole files in memory: read once, named in messages, and known again by a digest."""

from __future__ import annotations

import hashlib
import io
import os
from typing import cast

from conta_core.errors import ContaError

#: a photograph or mask of the most pixels that are read, with 16 bits and 4 channels each, takes
#: less than this
MAX_BYTES = 2**30


class NamedBytes(io.BytesIO):
    """Bytes that messages call by the name of their file."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self._name = name

    def __str__(self) -> str:
        return self._name

    __repr__ = __str__

    def as_path(self) -> os.PathLike[str]:
        """These bytes, for what takes a path: what opens a path opens a stream too."""
        return cast("os.PathLike[str]", self)


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """What a file holds.

    Raises:
        FileNotFoundError: it is not there.
        ContaError: it cannot be read, or is larger than :data:`MAX_BYTES`.
    """
    try:
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > MAX_BYTES:
                raise ContaError(
                    f"{path}: refused, too large: {size:,} bytes, expected at most {MAX_BYTES:,}: "
                    "scale it down"
                )
            return stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ContaError(
            f"{path}: unreadable file ({error.strerror}); replace it, or take its id off the list"
        ) from None


def digest_of(content: bytes) -> str:
    """By what a file is known again: BLAKE2b of 128 bits, as hexadecimal digits."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()
