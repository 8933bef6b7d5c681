"""What the entries of a confounder set are called."""

from __future__ import annotations

from collections.abc import Sequence


def confounder_names(classes: Sequence[str], count: int) -> tuple[str, ...]:
    """The classes, after the background where the set has it (``context.background``).

    Args:
        classes: foreground class names, n.
        count: entries of the set, or of an image's alphas: n, or n + 1.

    Raises:
        ValueError: any other count.
    """
    if count == len(classes):
        return tuple(classes)
    if count == len(classes) + 1:
        return ("background", *classes)
    raise ValueError(f"{count} entries for {len(classes)} classes, with or without background")
