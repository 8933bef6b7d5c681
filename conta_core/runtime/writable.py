"""Whether the folders of a run can be written to, before hours of work."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from conta_core.errors import ContaError


def require_writable(folders: Iterable[str | os.PathLike[str]]) -> None:
    """Refuse folders that cannot be written to, or that hold such a one.

    Args:
        folders: such as ``results/{run}``; one that is not there counts as the folder it will
            be made in.

    Raises:
        ContaError: naming the folder.
    """
    for asked in map(Path, folders):
        folder = asked
        while not folder.exists():
            folder = folder.parent
        below = (place for place, _, _ in os.walk(folder)) if folder == asked else [folder]
        for place in below:
            if not os.access(place, os.W_OK | os.X_OK):
                raise ContaError(
                    f"{place}: cannot be written to (a file system that is mounted read-only, or "
                    "permissions); make it writable, or run in another --directory"
                )
