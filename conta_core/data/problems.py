"""What is wrong with a data set, by kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conta_core.errors import ProblemsError


@dataclass(frozen=True)
class Problem:
    """One thing that a user has to mend.

    Attributes:
        kind: what it is about: lists, tags, annotations, folders, images, masks or
            context maps.
        text: the file or id, what was found, what was expected, the mend.
    """

    kind: str
    text: str


def refuse(problems: Sequence[Problem | str], what: str) -> None:
    """Raise one ContaError that lists the problems of ``what``, up to 20; none: return."""
    if problems:
        raise ProblemsError(what, [p.text if isinstance(p, Problem) else p for p in problems])
