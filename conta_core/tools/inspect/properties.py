"""Facts: what is said of a file, one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

from conta_core.data.masks import IGNORE


class Fact(NamedTuple):
    """One thing that is said of a file.

    Attributes:
        name: of the fact.
        value: plain values, as JSON has them; a list of mappings is a table.
        note: what the value does not say by itself.
    """

    name: str
    value: Any
    note: str = ""


def size_facts(counts: Counter[tuple[int, int]]) -> list[Fact]:
    """How many images there are, and their heights and widths in pixels, which are counted."""
    total = sum(counts.values())
    facts = [Fact("images", total)]
    if total:
        facts += [
            Fact(what, _spread([size[axis] for size in counts.elements()]))
            for axis, what in enumerate(("height", "width"))
        ]
        ((height, width), often), *_ = counts.most_common(1)
        facts.append(
            Fact("most common size", f"{height} x {width}", f"height x width, {often} images")
        )
    return facts


def _spread(values: Sequence[int]) -> dict[str, int]:
    return {"min": min(values), "median": round(median(values)), "max": max(values)}


def class_name(classes: Sequence[str], index: int) -> str:
    """The name of a class index; of one that is no class, the number."""
    return classes[index] if 0 <= index < len(classes) else f"class {index}?"


def label_name(classes: Sequence[str], value: int) -> str:
    """The name of a pixel value of a mask.

    Args:
        classes: foreground class names; none where they are not known.
        value: 0 background, i + 1 class i, 255 ignored.
    """
    if value in (0, IGNORE):
        return "background" if value == 0 else "ignored"
    return class_name(classes, value - 1) if classes else f"label {value}"
