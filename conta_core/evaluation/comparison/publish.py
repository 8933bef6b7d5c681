"""The tables of a comparison put into a page that tells what they mean.

python -m conta_core.evaluation.comparison.publish TABLES.md PAGE.md
"""

from __future__ import annotations

import sys
from pathlib import Path

from conta_core.errors import ContaError
from conta_core.storage.atomic import replace_when_done


def marks(name: str) -> tuple[str, str]:
    """Between these lines of a page stand the tables of a comparison."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def publish(tables: Path, page: Path) -> None:
    """Put the tables of a comparison.md into a page, in place of those that it has.

    Their title goes; their sections become sections of the page's section. The comparison's
    name is that of its folder.

    Raises:
        ContaError: a file cannot be read, or the page has no place for them.
    """
    begin, end = marks(tables.absolute().parent.name)
    try:
        made = tables.read_text(encoding="utf-8")
        before, rest = page.read_text(encoding="utf-8").split(begin)
        _, after = rest.split(end)
    except OSError as error:
        raise ContaError(f"{error.filename}: {error.strerror}; make the comparison first") from None
    except ValueError:
        raise ContaError(
            f"{page}: expected once {begin} and once {end} below it; put both lines where the "
            "tables are to stand"
        ) from None
    _, *lines = made.splitlines()
    text = "\n".join(f"#{line}" if line.startswith("#") else line for line in lines).strip()
    with replace_when_done(page) as temporary:
        temporary.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    try:
        publish(*map(Path, sys.argv[1:]))
    except ContaError as error:
        sys.exit(str(error))
