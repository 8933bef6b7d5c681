"""Json files that name their format and its version."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conta_core.atomic import replace_when_done
from conta_core.errors import ContaError


def write_json(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write a json file, whole or not at all.

    Args:
        path: of the file.
        content: plain values, ``format`` and ``format_version`` among them.
    """
    with replace_when_done(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_json(
    path: str | os.PathLike[str], expected: str, version: int, *, what: str, mend: str
) -> dict[str, Any]:
    """Read a json file of one format and version.

    Args:
        path: of the file.
        expected: its ``format``.
        version: its ``format_version``.
        what: what the file should be, for the message of an error.
        mend: what a user can do where it is not.

    Returns:
        The whole content.

    Raises:
        ContaError: missing, unreadable, or of another format or version.
    """
    try:
        content = json.loads(Path(path).read_text())
        if (content["format"], content["format_version"]) != (expected, version):
            raise ValueError(f"expected {expected} version {version}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContaError(f"{path}: not {what} ({error}); {mend}") from None
    return dict(content)
