"""A file for HDF5 to write to, where a failure is noted and the rest is dropped."""

from __future__ import annotations

import io
import os
from pathlib import Path


class ErrorLatchingStream(io.RawIOBase):
    """A new file whose failures to write are noted, to be raised by :meth:`require_written`.

    HDF5 cannot stop where the disk is full: h5py swallows the failure of an array that is
    let go, goes on, prints a traceback for every further one and may end in a segmentation
    fault. Here HDF5 never sees the failure; who writes asks for it after every image.

    Args:
        path: of the file, made anew.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        self._path = Path(path)
        self._file = open(path, "w+b", buffering=0)  # noqa: SIM115 (closed with the stream)
        self._failure: OSError | None = None

    def require_written(self) -> None:
        """Raise what was noted.

        Raises:
            OSError: the first failure, with the file's name.
        """
        if self._failure is not None:
            raise OSError(self._failure.errno, self._failure.strerror, str(self._path))

    def write(self, data: object) -> int:
        """Write all bytes at the current place, or none once a writing has failed."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        length = len(view)
        try:
            while len(view) and self._failure is None:
                view = view[self._file.write(view) :]
        except OSError as failure:
            self._failure = failure
        return length

    def truncate(self, size: int | None = None) -> int:
        """Set the file's length, unless a writing has failed."""
        if self._failure is None:
            try:
                return self._file.truncate(size)
            except OSError as failure:
                self._failure = failure
        return size or 0

    def readinto(self, buffer: object) -> int:
        """Fill a buffer; with zeros where the file, cut off by a failure, has no more."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        count = self._file.readinto(view) or 0
        if self._failure is not None:
            view[count:] = bytes(len(view) - count)
            return len(view)
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The current place."""
        return self._file.tell()

    def readable(self) -> bool:
        """True."""
        return True

    def writable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
