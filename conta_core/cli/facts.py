"""Facts on a terminal: a line a value, a table where a value is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conta_core.inspection.facts import Fact

#: columns of the names of facts
_WIDTH = 18
#: letters from which each value of a mapping stands in a line of its own
_LONG = 60


def show_fact(fact: Fact, console: Console) -> None:
    """Print one fact; every value as it is, nothing is markup."""
    if _is_table(fact.value):
        console.print(f"{fact.name}:", markup=False, highlight=False)
        console.print(table(fact.value))
        return
    is_count = isinstance(fact.value, int) and not isinstance(fact.value, bool)
    text = f"{fact.value:,}" if is_count else as_text(fact.value)
    if isinstance(fact.value, Mapping) and len(text) > _LONG:
        lines = [f"{key} {_inner(one)}" for key, one in fact.value.items()]
        text = ("\n" + " " * (_WIDTH + 1)).join(lines)
    note = f"  ({fact.note})" if fact.note else ""
    console.print(
        f"{fact.name:<{_WIDTH}} {text}{note}", markup=False, highlight=False, soft_wrap=True
    )


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Rows of the same keys as a plain table; numbers at the right."""
    shown = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    keys = list(dict.fromkeys(key for row in rows for key in row))
    for key in keys:
        values = [row.get(key) for row in rows]
        numbers = all(value is None or isinstance(value, int | float) for value in values)
        shown.add_column(_plain(key), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(_plain(as_text(row.get(key))) for key in keys))
    return shown


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


def _plain(text: str) -> Text:
    """Text of a file must not be read as markup."""
    return Text(text)
