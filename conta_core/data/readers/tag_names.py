"""Names of classes as people write them: which are the same, which are none."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

#: what tools call the background, as a loose key: value 0 of every mask, and never a class
BACKGROUND = "background"
#: what tools call pixels or images that nothing is said about, as loose keys
UNTOLD = frozenset(
    {"ignore", "ignored", "void", "unlabeled", "unlabelled", "none", "null", "nan", "n/a", "-"}
)
#: between tags of a cell, where ';' is expected
_OTHER_SEPARATORS = re.compile(r"[,|/&+\uFF0C\uFF1B\u3001]")


def canonical(name: str) -> str:
    """A name without what cannot be seen.

    Letters are composed (NFC), characters without width are taken out, spaces of any kind and
    number are one space, none at the ends.
    """
    seen = (c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c) != "Cf")
    return " ".join("".join(seen).split())


def loose_key(name: str) -> str:
    """What names have in common that differ in letter case, spaces and marks ('_', '-') alone.

    Letters of full width, as Asian keyboards write them, are like any.
    """
    key = canonical(unicodedata.normalize("NFKC", name)).casefold()
    return re.sub(r"[\s_.!?'\"-]", "", key) or key


def known_as(name: str, known: Collection[str]) -> str | None:
    """The one known name that is meant: itself, or the only one alike but for case and spaces."""
    if name in known:
        return name
    alike = [other for other in known if loose_key(other) == loose_key(name)]
    return alike[0] if len(alike) == 1 else None


def is_background(name: str) -> bool:
    """Whether a name is the background's (``background``, ``_background_``)."""
    return loose_key(name) == BACKGROUND


def is_reserved(name: str) -> bool:
    """Whether a name is the background's, or says that nothing is said (``__ignore__``)."""
    return is_background(name) or loose_key(name) in UNTOLD


def parts_of(tag: str) -> list[str]:
    """What a tag consists of, where it holds a comma, ``|``, ``/``, ``&`` or ``+``."""
    parts = [canonical(part) for part in _OTHER_SEPARATORS.split(tag)]
    return [part for part in parts if part]


def look_alikes(counts: Counter[str]) -> Iterable[tuple[str, str]]:
    """Pairs of tags of which the first may be the second, misspelt; each pair once.

    Names that differ in letter case, spaces, '_' and '-' alone, and a name used once that is
    like a more frequent one.
    """
    ranked: Sequence[str] = sorted(counts, key=lambda tag: -counts[tag])
    first_of: dict[str, str] = {}
    for tag in ranked:
        first = first_of.setdefault(loose_key(tag), tag)
        others = [other for other in ranked if counts[other] > counts[tag]]
        rare = difflib.get_close_matches(tag, others, n=1) if counts[tag] == 1 else []
        if first != tag:
            yield tag, first
        elif rare:
            yield tag, rare[0]


def classes_problems(chosen: Sequence[str], known: Collection[str] | None) -> list[str]:
    """What is wrong with ``dataset.classes``: names that are no class's, names that are one.

    Args:
        chosen: ``dataset.classes``.
        known: what the label map names; None: there is none.
    """
    problems = [
        f"dataset.classes: {name!r} is the background, which every mask has as 0; expected names "
        "of classes alone: leave it out"
        for name in chosen
        if is_background(name)
    ]
    problems += [
        f"dataset.classes: {name!r} is no class of the label map; expected some of "
        f"{', '.join(known)}: mend the name, or the label map"
        for name in chosen
        if known is not None and name not in known
    ]
    twice = [name for name, count in Counter(map(canonical, chosen)).items() if count > 1]
    return problems + [
        f"dataset.classes: {name!r} stands twice, in letters that look alike; name it once"
        for name in twice
    ]
