"""Properties on a terminal: a line a value, a table where a value is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from conta_core.tools.inspect.properties import Property

#: columns of the names of properties
_WIDTH = 18
#: letters from which each value of a mapping stands in a line of its own
_LONG = 60


def show_property(found: Property, console: Console) -> None:
    """Print one property; every value as it is, nothing is markup."""
    if _is_table(found.value):
        show(f"{found.name}:\n{indent(table(found.value), '  ')}", console)
        return
    is_count = isinstance(found.value, int) and not isinstance(found.value, bool)
    text = f"{found.value:,}" if is_count else as_text(found.value)
    if isinstance(found.value, Mapping) and len(text) > _LONG:
        lines = [f"{key} {_inner(one)}" for key, one in found.value.items()]
        text = ("\n" + " " * (_WIDTH + 1)).join(lines)
    note = f"  ({found.note})" if found.note else ""
    show(f"{found.name:<{_WIDTH}} {text}{note}", console)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same keys as aligned lines, never folded; numbers at the right."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    columns = []
    for key in keys:
        values = [row.get(key) for row in rows]
        numbers = all(value is None or isinstance(value, int | float) for value in values)
        cells = [key, *(as_text(value) for value in values)]
        width = max(len(cell) for cell in cells)
        columns.append([cell.rjust(width) if numbers else cell.ljust(width) for cell in cells])
    return "\n".join("   ".join(line).rstrip() for line in zip(*columns, strict=True))


def show(text: str, console: Console) -> None:
    """Print text as it is: nothing in it is markup, and no line is folded."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def as_text(value: Any) -> str:
    """A plain value in words."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_inner(one)}" for key, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(as_text(one) for one in value) or "none"
    return str(value)


def _inner(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({as_text(value)})"
    return f"[{as_text(value)}]" if isinstance(value, list | tuple) else as_text(value)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)
