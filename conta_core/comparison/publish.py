"""The tables of a comparison put into a page that tells what they mean.

python -m conta_core.comparison.publish TABLES.md PAGE.md
"""

from __future__ import annotations

import sys
from pathlib import Path

from conta_core.atomic import replace_when_done
from conta_core.errors import ContaError

#: what stands between these lines of the page is made
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def publish(tables: Path, page: Path) -> None:
    """Put the tables of a comparison.md into a page, in place of those that it has.

    Their title goes; their sections become sections of the page's section.

    Raises:
        ContaError: a file cannot be read, or the page has no place for them.
    """
    try:
        made = tables.read_text(encoding="utf-8")
        before, rest = page.read_text(encoding="utf-8").split(BEGIN)
        _, after = rest.split(END)
    except OSError as error:
        raise ContaError(f"{error.filename}: {error.strerror}; run `make evidence`") from None
    except ValueError:
        raise ContaError(
            f"{page}: expected once {BEGIN} and once {END} below it; put both lines where the "
            "tables are to stand"
        ) from None
    _, *lines = made.splitlines()
    text = "\n".join(f"#{line}" if line.startswith("#") else line for line in lines).strip()
    with replace_when_done(page) as temporary:
        temporary.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    try:
        publish(*map(Path, sys.argv[1:]))
    except ContaError as error:
        sys.exit(str(error))
