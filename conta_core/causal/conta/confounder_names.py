"""What the entries of a confounder set are called."""

from __future__ import annotations

from collections.abc import Sequence


def are_entries(classes: Sequence[str], count: int) -> bool:
    """Whether a confounder set of these classes can have so many entries: n, or n + 1."""
    return count - len(classes) in (0, 1)


def confounder_names(classes: Sequence[str], count: int) -> tuple[str, ...]:
    """The classes, after the background where the set has it (``context.background``).

    Args:
        classes: foreground class names, n.
        count: entries of the set, or of an image's alphas: n, or n + 1.

    Raises:
        ValueError: any other count.
    """
    if not are_entries(classes, count):
        raise ValueError(f"{count} entries for {len(classes)} classes, with or without background")
    return tuple(classes) if count == len(classes) else ("background", *classes)
