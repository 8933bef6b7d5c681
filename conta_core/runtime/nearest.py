"""Names nearest to one that is not there, for the message that says so."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from heapq import nlargest
from pathlib import Path

#: names that are compared letter by letter; the others differ at both ends
SHORTLIST = 500
#: difflib's ratio from which a name is like another (difflib's own default)
LIKENESS = 0.6


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names most like a name, the best first; none where none is like it.

    Args:
        name: what was asked for.
        known: what is there; 100,000 names take less than a second.
        count: how many at most.
    """
    shortlist = nlargest(SHORTLIST, known, key=lambda other: _shared_ends(name, other))
    alike = difflib.SequenceMatcher(b=name)
    rated = []
    for place, other in enumerate(shortlist):
        alike.set_seq1(other)
        rated.append((-alike.ratio(), place, other))  # of equals the one with longer ends
    return [other for ratio, _, other in sorted(rated)[:count] if -ratio >= LIKENESS]


def did_you_mean(
    name: str, known: Iterable[str], otherwise: str = "", folder: Path | None = None
) -> str:
    """The end of a message that says that a name is not there.

    Args:
        name: what was asked for.
        known: what is there.
        otherwise: the mend where nothing is like the name.
        folder: of files: where they lie; the message has their whole paths.

    Returns:
        ``; did you mean 'x', 'y' or 'z'?``, else ``; `` and ``otherwise``, else nothing.
    """
    near = [repr(str(folder / one) if folder else one) for one in nearest(name, known)]
    words = " or ".join(filter(None, [", ".join(near[:-1]), *near[-1:]]))
    mend = f"did you mean {words}?" if near else otherwise
    return f"; {mend}" if mend else ""


def _shared_ends(one: str, other: str) -> int:
    """How many letters two names share at their beginning and at their end."""
    return _shared(one, other) + _shared(one[::-1], other[::-1])


def _shared(one: str, other: str) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
