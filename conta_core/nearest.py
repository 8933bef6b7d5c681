"""The names most like one that is not there, for an error to suggest."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names most like a name, the most like first.

    Args:
        name: what was asked for.
        known: the names that are there.
        count: of the answers, at most.

    Returns:
        Up to ``count`` names; none where nothing is like it.
    """
    return difflib.get_close_matches(name, list(known), n=count)
