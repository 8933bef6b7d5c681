"""Members of zip files, within a budget."""

from __future__ import annotations

import zipfile

from conta_core.storage.foreign.limits import Budget, RefusedError

#: others may need gigabytes to unpack little
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_member(archive: zipfile.ZipFile, name: str, budget: Budget) -> bytes:
    """The content of one member.

    Raises:
        RefusedError: it is not there, is encrypted, or declares more than the budget.
        zipfile.BadZipFile: its bytes are damaged.
    """
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise RefusedError(f"the zip lacks {name[:100]!r}") from None
    if info.flag_bits & 1 or info.compress_type not in _COMPRESSIONS:
        raise RefusedError(f"{name[:100]!r} is encrypted, or compressed otherwise than by zlib")
    budget.take_bytes(info.file_size, repr(name[:100]))
    content = archive.read(info)
    if len(content) != info.file_size:
        raise RefusedError(
            f"{name[:100]!r} declares {info.file_size:,} bytes, has {len(content):,}"
        )
    return content
