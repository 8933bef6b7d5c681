"""Whether a data set is still the one that index_dataset read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from conta_core.errors import ContaError
from conta_core.images.file_bytes import digest_of, read_bytes

_BLOCK = 2**20


def digest_of_files(paths: Sequence[str]) -> str | None:
    """By what the tables of a data set are known again, whatever their times; None: none is there.

    Args:
        paths: of lists, annotations or ``tags.csv``, in a fixed order.
    """
    digest = hashlib.blake2b(digest_size=16)
    there = False
    for path in paths:
        try:
            with open(path, "rb") as stream:
                digest.update(b"\0file")
                while block := stream.read(_BLOCK):
                    digest.update(block)
            there = True
        except OSError:
            digest.update(b"\0none")
    return digest.hexdigest() if there else None


def changed_files(manifest: str | os.PathLike[str]) -> list[str]:
    """Photographs and masks that are no longer what index_dataset read.

    A file's times are looked at first, one look each. What was touched since the manifest was
    written is read and compared by its digest, so that a copy of the same is no change.

    Args:
        manifest: path of dataset.json; where it cannot be read, nothing is told.
    """
    try:
        written = os.stat(manifest).st_mtime
        images = json.loads(Path(manifest).read_text(encoding="utf-8"))["images"]
        files = list(_files(images))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return [path for path, digest in files if _is_changed(path, digest, written)]


def _files(images: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Path and digest of every file whose digest is known."""
    for record in images.values():
        for name, key in (("image", "digest"), ("mask", "mask_digest")):
            if record[name] is not None and record[key] is not None:
                yield record[name], record[key]


def _is_changed(path: str, digest: str, written: float) -> bool:
    try:
        status = os.stat(path)
        if max(status.st_mtime, status.st_ctime) <= written:
            return False
        return digest_of(read_bytes(path)) != digest
    except (OSError, ContaError):
        return True
