"""Parts of a store: the images of one job of several, kept one by one as they are made.

A part is a log of records (length, CRC-32, content): first its description, then one
record an image, last one that says it is whole. It is written as
``.<name>.unfinished`` in the part's own folder and renamed when it is whole. A job
that is killed leaves whole records and at most one broken one behind; the same job
started again keeps the whole ones. Image i of a list of n belongs to part
(i mod parts) + 1, so the parts together know the list's order.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import struct
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from conta_core.errors import ContaError
from conta_core.storage.stores.kinds import IMAGE_ARRAYS, StoreHeader, require_arrays

LOGGER = logging.getLogger(__name__)

MAGIC = b"conta-part 1\n"
#: before each record: length of its content, CRC-32 of length and content
FRAME = struct.Struct("<QI")
#: before an image's arrays: length of what is said of it
NOTE = struct.Struct("<I")
#: seconds between two flushes to the disk itself (a killed process needs none)
SYNC_INTERVAL = 30.0
WHOLE = b"whole"


@dataclass(frozen=True)
class Part:
    """Which part of how many.

    Attributes:
        number: from 1.
        count: of all parts.
    """

    number: int
    count: int

    def of(self, ids: Sequence[str]) -> list[str]:
        """The images of a list that belong to this part."""
        return list(ids[self.number - 1 :: self.count])


@dataclass(frozen=True)
class PartHeader:
    """What a part says of itself.

    Attributes:
        store: description of the whole store.
        part: which part.
        images: how many images the whole store has.
        key: see :func:`conta_core.workflow.resume_key.resume_key`.
    """

    store: StoreHeader
    part: Part
    images: int
    key: str

    def to_bytes(self) -> bytes:
        """As a record."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> PartHeader:
        """From a record."""
        values = json.loads(content)
        store, part = StoreHeader(**values.pop("store")), Part(**values.pop("part"))
        return cls(store, part, **values)


@dataclass(frozen=True)
class ImageRecord:
    """One image of a part.

    Attributes:
        image_id: of the manifest.
        size: height and width of the image in pixels.
        arrays: as :data:`~conta_core.storage.stores.kinds.IMAGE_ARRAYS` has them.
    """

    image_id: str
    size: tuple[int, int]
    arrays: Mapping[str, np.ndarray]


class PartWriter:
    """Writes the images of one part; made by :func:`write_part`.

    Attributes:
        missing: images that are still to be made, in order.
        done: how many an earlier job made.
    """

    def __init__(self, stream: BinaryIO, kind: str, ids: Sequence[str], done: int) -> None:
        self.missing = list(ids[done:])
        self.done = done
        self._stream = stream
        self._kind = kind
        self._next = 0
        self._synced = time.monotonic()

    def write(self, image_id: str, arrays: Mapping[str, np.ndarray], size: tuple[int, int]) -> None:
        """Keep one image's arrays; the images of ``missing``, in their order.

        Args:
            image_id: the next of ``missing``.
            arrays: exactly the arrays that the kind of store has.
            size: height and width of the image in pixels.
        """
        if self.missing[self._next : self._next + 1] != [image_id]:
            raise ValueError(f"{image_id!r} is not the next image of this part")
        require_arrays(self._kind, arrays, IMAGE_ARRAYS[self._kind])
        note = json.dumps({"id": image_id, "size": list(size)}).encode()
        tensors = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        self._stream.write(_framed(NOTE.pack(len(note)) + note + tensors))
        self._stream.flush()
        self._next += 1
        if time.monotonic() - self._synced > SYNC_INTERVAL:
            os.fsync(self._stream.fileno())
            self._synced = time.monotonic()

    def finish(self) -> None:
        """Say that the part is whole, on the disk itself."""
        if self._next != len(self.missing):
            raise ValueError(f"{len(self.missing) - self._next} images of this part are missing")
        self._stream.write(_framed(WHOLE))
        self._stream.flush()
        os.fsync(self._stream.fileno())


@contextmanager
def write_part(
    path: str | os.PathLike[str], ids: Sequence[str], part: Part, store: StoreHeader, key: str
) -> Iterator[PartWriter]:
    """Go on with a part, or begin it; it stands at ``path`` when the block has made all of it.

    Args:
        path: of the finished part.
        ids: images of the whole store, in its order.
        part: which part.
        store: description of the whole store.
        key: what kept images must belong to, see :func:`conta_core.workflow.resume_key.resume_key`.

    Raises:
        ContaError: another job is writing this part.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    unfinished = final.with_name(f".{final.name}.unfinished")
    header = PartHeader(store, part, len(ids), key)
    own = part.of(ids)
    with open(unfinished, "a+b") as stream:
        _lock(stream, unfinished)
        done = _go_on(stream, header, own)
        if done:
            LOGGER.info("%d of %d images were made before, in %s", done, len(own), unfinished)
        writer = PartWriter(stream, store.kind, own, done)
        yield writer
        writer.finish()
        os.replace(unfinished, final)


def read_part(path: str | os.PathLike[str]) -> tuple[PartHeader, Iterator[ImageRecord]]:
    """Read a finished part.

    Args:
        path: of the part.

    Returns:
        Its description, and its images, read one by one.

    Raises:
        ContaError: missing, cut off, or changed since it was written.
    """
    records = _whole_records(Path(path))
    try:
        header = PartHeader.from_bytes(next(records))
    except (ValueError, TypeError, KeyError, StopIteration) as error:
        raise _broken(path, repr(error)) from None
    return header, _images(path, records)


def describe_part(path: str | os.PathLike[str]) -> tuple[PartHeader, int, bool]:
    """What a part is, finished or not, and how far: every byte of it is read.

    Args:
        path: of the part.

    Returns:
        Its description, how many whole images it has, and whether it is whole itself.

    Raises:
        ContaError: missing, or not even its description is there.
    """
    try:
        with open(path, "rb") as stream:
            records = _records(stream)
            header = PartHeader.from_bytes(next(records)[1])
            images, last = 0, b""
            for _, record in records:
                images, last = images + (record != WHOLE), record
            return header, images, last == WHOLE and not stream.read(1)
    except (OSError, ValueError, TypeError, KeyError, StopIteration) as error:
        raise _broken(path, repr(error)) from None


def _images(path: str | os.PathLike[str], records: Iterator[bytes]) -> Iterator[ImageRecord]:
    for record in records:
        try:
            yield _image(record)
        except (ValueError, TypeError, KeyError, struct.error, SafetensorError) as error:
            raise _broken(path, repr(error)) from None


def _image(record: bytes) -> ImageRecord:
    (length,) = NOTE.unpack_from(record)
    note = json.loads(record[NOTE.size : NOTE.size + length])
    height, width = note["size"]
    return ImageRecord(note["id"], (height, width), load(record[NOTE.size + length :]))


def _whole_records(path: Path) -> Iterator[bytes]:
    """The records of a finished part but its last, which must say that it is whole."""
    try:
        with open(path, "rb") as stream:
            last = None
            for _, record in _records(stream):
                if last is not None:
                    yield last
                last = record
            if last != WHOLE or stream.read(1):
                raise _broken(path, "it ends in the middle")
    except OSError as error:
        raise _broken(path, str(error)) from None


def _records(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Each whole record, with the place where it ends; stops before a broken one."""
    stream.seek(0, os.SEEK_END)
    size = stream.tell()
    stream.seek(0)
    if stream.read(len(MAGIC)) != MAGIC:
        stream.seek(0)
        return
    end = len(MAGIC)
    while frame := stream.read(FRAME.size):
        length, checksum = FRAME.unpack(frame.ljust(FRAME.size, b"\0"))
        start, end = end, end + FRAME.size + length
        if end > size or _checksum(content := stream.read(length)) != checksum:
            stream.seek(start)
            return
        yield end, content


def _go_on(stream: BinaryIO, header: PartHeader, own: Sequence[str]) -> int:
    """Leave the stream after the last image that may be kept; how many may."""
    kept, done = 0, 0
    records = _records(stream)
    first = next(records, None)
    if first is not None and first[1] == header.to_bytes():
        kept = first[0]
        for (end, record), image_id in zip(records, own, strict=False):
            if record == WHOLE or _image(record).image_id != image_id:
                break
            kept, done = end, done + 1
    elif first is not None:
        LOGGER.warning("%s: of other settings, inputs or code; begins anew", stream.name)
    stream.truncate(kept)
    if not kept:
        stream.write(MAGIC + _framed(header.to_bytes()))
    return done


def _framed(content: bytes) -> bytes:
    return FRAME.pack(len(content), _checksum(content)) + content


def _checksum(content: bytes) -> int:
    return zlib.crc32(content, len(content) & 0xFFFFFFFF)


def _lock(stream: BinaryIO, path: Path) -> None:
    try:
        # a lock of this process alone: one that forked workers share would outlive it
        fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise ContaError(
            f"{path}: another job is writing this part; let it end, or end it"
        ) from None
    except OSError:
        pass  # a file system without locks


def _broken(path: Any, found: str) -> ContaError:
    return ContaError(f"{path}: not a whole part ({found}); delete it and let the workflow go on")
