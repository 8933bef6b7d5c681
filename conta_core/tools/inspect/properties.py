"""Properties of a file: what is said of it, one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple


class Property(NamedTuple):
    """One thing that is said of a file.

    Attributes:
        name: of the property.
        value: plain values, as JSON has them; a list of mappings is a table.
        note: what the value does not say by itself.
    """

    name: str
    value: Any
    note: str = ""


def size_properties(counts: Counter[tuple[int, int]]) -> list[Property]:
    """How many images there are, and their heights and widths in pixels, which are counted."""
    total = sum(counts.values())
    found = [Property("images", total)]
    if total:
        found += [
            Property(what, _spread([size[axis] for size in counts.elements()]))
            for axis, what in enumerate(("height", "width"))
        ]
        ((height, width), often), *_ = counts.most_common(1)
        found.append(
            Property("most common size", f"{height} x {width}", f"height x width, {often} images")
        )
    return found


def _spread(values: Sequence[int]) -> dict[str, int]:
    return {"min": min(values), "median": round(median(values)), "max": max(values)}
