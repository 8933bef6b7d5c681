"""Label masks by id, from a folder or from a tar archive that nothing is unpacked from."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from conta_core.data.image_ids import IMAGE_ID
from conta_core.errors import ContaError
from conta_core.images.file_bytes import NamedBytes
from conta_core.images.masks import read_label_png
from conta_core.images.photographs import MAX_PIXELS

#: bytes of an archive's member: what the largest mask takes that is read, 16 bits a pixel
_MAX_BYTES = 2 * MAX_PIXELS


@dataclass(frozen=True)
class MaskSource:
    """Where label masks come from.

    Attributes:
        name: of the folder or archive, for messages.
        ids: of the masks that are there.
        read: id -> labels, uint8 (H, W); raises ContaError where the mask cannot be read.
    """

    name: str
    ids: frozenset[str]
    read: Callable[[str], np.ndarray]


@contextmanager
def open_masks(path: str | os.PathLike[str]) -> Iterator[MaskSource]:
    """The masks ``<id>.png`` of a folder, or of a tar archive with one such folder.

    Of an archive only regular members are read, by their names and in memory; links, devices and
    files whose names are no ids are as if they were not there. A mask may have as many pixels as
    any image (:data:`conta_core.images.photographs.MAX_PIXELS`).

    Raises:
        ContaError: there is neither, the archive is damaged or compressed, it names a mask twice,
            or there is no mask in it.
    """
    place = Path(path)
    if place.is_dir():
        with os.scandir(place) as entries:
            names = [entry.name for entry in entries if entry.is_file()]
        ids = frozenset(found for name in names if (found := _id_of(name)))
        yield _some(MaskSource(str(place), ids, lambda i: read_label_png(place / f"{i}.png")))
        return
    try:
        archive = tarfile.open(place, "r:")  # noqa: SIM115 (closed below)
    except FileNotFoundError:
        raise ContaError(
            f"{place}: no such folder or archive; expected a folder of masks <id>.png, or a .tar "
            "that holds one"
        ) from None
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise _damaged(place, error) from None
    with archive:
        members = _members(archive, place)
        source = MaskSource(
            str(place), frozenset(members), lambda i: _read_member(archive, members, place, i)
        )
        yield _some(source)


def _id_of(name: str) -> str | None:
    """The id of a mask's file name; None: no mask's."""
    path = PurePosixPath(name)
    fits = path.suffix == ".png" and IMAGE_ID.fullmatch(path.stem) and ".." not in path.stem
    return path.stem if fits else None


def _some(source: MaskSource) -> MaskSource:
    if not source.ids:
        raise ContaError(
            f"{source.name}: holds no mask; expected files <id>.png: name the folder (or the "
            "archive of the folder) that holds them"
        )
    return source


def _members(archive: tarfile.TarFile, place: Path) -> dict[str, tarfile.TarInfo]:
    """The regular members by id."""
    members: dict[str, tarfile.TarInfo] = {}
    try:
        for member in archive:
            image_id = _id_of(PurePosixPath(member.name).name)
            if image_id is None or not member.isreg():
                continue
            if image_id in members:
                raise ContaError(
                    f"{place}: holds a mask of {image_id} twice, {members[image_id].name} and "
                    f"{member.name}; expected one folder of masks: make the archive of that alone"
                )
            members[image_id] = member
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise _damaged(place, error) from None
    return members


def _read_member(
    archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], place: Path, image_id: str
) -> np.ndarray:
    if image_id not in members:
        raise ContaError(f"{place}: no such mask {image_id}.png; expected it there")
    member = members[image_id]
    name = f"{place}, {member.name}"
    if member.size > _MAX_BYTES:
        raise ContaError(
            f"{name}: refused, too large: {member.size:,} bytes, expected at most {_MAX_BYTES:,}: "
            "scale it down"
        )
    try:
        stream = archive.extractfile(member)
        content = b"" if stream is None else stream.read()
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise _damaged(place, error) from None
    if len(content) != member.size:
        raise _damaged(place, f"{member.name} is cut off")
    return read_label_png(NamedBytes(content, name).as_path())


def _damaged(place: Path, found: object) -> ContaError:
    return ContaError(
        f"{place}: unreadable archive ({found}); expected an uncompressed .tar, whole, that holds "
        "a folder of masks: unpack it, or copy it again"
    )
