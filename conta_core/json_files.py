"""Reading JSON that another may have written, and holding it against its layout.

The errors are ValueErrors that say what was found and what was expected; the reader of a format
adds the file and the mend.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

#: problems of a layout that an error spells out
MAX_LISTED = 5


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
