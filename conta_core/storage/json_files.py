"""JSON files: of a format of ours, and such as another may have written.

The errors of what reads and checks values are ValueErrors that say what was found and what was
expected; the reader of a format adds the file and the mend.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from conta_core.errors import ContaError
from conta_core.storage.atomic import replace_when_done

#: problems of a layout that an error spells out
MAX_LISTED = 5


def write_json(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write a json file, whole or not at all.

    Args:
        path: of the file.
        content: plain values, ``format`` and ``format_version`` among them.
    """
    with replace_when_done(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_format(
    path: str | os.PathLike[str],
    expected: str,
    version: int,
    layout: TypeAdapter[Any],
    *,
    what: str,
    mend: str,
) -> dict[str, Any]:
    """Read a json file of one format and version.

    Args:
        path: of the file.
        expected: its ``format``.
        version: its ``format_version``.
        layout: keys and types of its content.
        what: what the file should be, for the message of an error.
        mend: what a user can do where it is not.

    Returns:
        The whole content.

    Raises:
        ContaError: missing, unreadable, or of another format, version or layout.
    """
    try:
        content = read_json(path)
        if (content["format"], content["format_version"]) != (expected, version):
            raise ValueError(f"expected {expected} version {version}")
        require_layout(content, layout)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContaError(f"{path}: not {what} ({error}); {mend}") from None
    return dict(content)


def read_json(path: str | os.PathLike[str]) -> Any:
    """The values of a JSON file in UTF-8.

    Raises:
        OSError: missing or unreadable.
        ValueError: no JSON, or values nested so deep that nothing can walk them.
    """
    return parse_json(Path(path).read_text(encoding="utf-8"))


def parse_json(text: str) -> Any:
    """The values of a JSON text; errors as of :func:`read_json`."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("values nested too deep, expected a few levels") from None


def require_layout(content: Any, layout: TypeAdapter[Any]) -> None:
    """Raise ValueError, naming the keys, unless the values have the layout."""
    try:
        layout.validate_python(content, strict=True)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        told = [
            f"{'.'.join(ascii(part).strip(chr(39)) for part in problem['loc'])[:120] or 'it'}: "
            f"{problem['msg']}"
            for problem in problems[:MAX_LISTED]
        ]
        more = f"; and {len(problems) - MAX_LISTED} more" if len(problems) > MAX_LISTED else ""
        raise ValueError("; ".join(told) + more) from None
    except RecursionError:
        raise ValueError("values nested too deep, expected a few levels") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"the value {name}, expected a number that JSON has")
