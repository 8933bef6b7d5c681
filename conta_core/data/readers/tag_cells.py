"""From what stands in the cells of a table to tags: separators, reserved names, misspellings."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from conta_core.data.readers.tag_names import (
    is_background,
    is_reserved,
    look_alikes,
    parts_of,
)
from conta_core.data.readers.tag_table import Row
from conta_core.images.masks import IGNORE

logger = logging.getLogger(__name__)


def tags_of_rows(
    table: Path, rows: Sequence[Row], classes: Collection[str] | None
) -> list[tuple[str, ...]]:
    """The tags of each row, in the order of the rows.

    A tag such as ``cat, dog`` is two where ``cat`` and ``dog`` are classes, or each is a tag of
    another row or a part of another such tag. The background, and names that say that nothing is
    said (``void``, ``none``), are no tags, unless ``classes`` has the latter. Both are told, as
    is what may be misspelt.

    Args:
        table: for messages.
        rows: of the table.
        classes: that a tag may be; None: whatever occurs is one.
    """
    written = Counter(tag for row in rows for tag in dict.fromkeys(row.tags))
    known = set(classes) if classes is not None else _recurring(written)
    known = {tag for tag in known if classes is not None or not is_reserved(tag)}
    meant: dict[str, tuple[str, ...]] = {}
    for tag in written:
        parts = parts_of(tag)
        several = bool(parts) and parts != [tag] and tag not in known and {*parts} <= known
        split = several and not is_reserved(tag)
        dropped = is_reserved(tag) and (tag not in known or is_background(tag))
        meant[tag] = tuple(parts) if split else () if dropped else (tag,)
    _tell(table, rows, written, meant, classes)
    return [tuple(dict.fromkeys(t for tag in row.tags for t in meant[tag])) for row in rows]


def _recurring(written: Iterable[str]) -> set[str]:
    """Tags without a separator, and parts of more than one tag with separators."""
    parts = [frozenset(parts_of(tag)) for tag in written]
    alone = {part for of_tag in parts if len(of_tag) == 1 for part in of_tag}
    count = Counter(part for of_tag in set(parts) for part in of_tag)
    return alone | {part for part, times in count.items() if times > 1}


def _tell(
    table: Path,
    rows: Sequence[Row],
    written: Counter[str],
    meant: Mapping[str, tuple[str, ...]],
    classes: Collection[str] | None,
) -> None:
    for tag, tags in meant.items():
        if tags and tags != (tag,):
            logger.warning(
                "%s: the tag %r (images: %d) is read as the tags %s: separate tags by ';'",
                table, tag, written[tag], " and ".join(tags),
            )  # fmt: skip
        elif not tags:
            logger.warning(
                "%s: the tag %r (images: %d, among them %s) is left out: it is %s: delete it%s",
                table, tag, written[tag],
                ", ".join(row.image for row in _holding(rows, tag)[:3]),
                "the background's name, which every mask has as 0" if is_background(tag)
                else "no name of a class",
                "" if is_background(tag) else ", or name it in dataset.classes",
            )  # fmt: skip
        elif classes is None and len(parts_of(tag)) > 1:
            logger.warning(
                "%s: the tag %r (images: %d) is one class now: separate tags by ';' if it is "
                "several",
                table, tag, written[tag],
            )  # fmt: skip
    if classes is None:
        _warn_of_look_alikes(table, Counter({t: written[t] for t in written if meant[t] == (t,)}))


def _holding(rows: Iterable[Row], tag: str) -> list[Row]:
    return [row for row in rows if tag in row.tags]


def _warn_of_look_alikes(table: Path, counts: Counter[str]) -> None:
    """Say which tags may be another, misspelt: each is a class of its own."""
    if len(counts) >= IGNORE:
        return  # too many for classes, and too many to compare
    for tag, other in look_alikes(counts):
        logger.warning(
            "%s: the tag %r (images: %d) looks like %r (images: %d), and both are classes now: "
            "mend it if it is misspelt",
            table, tag, counts[tag], other, counts[other],
        )  # fmt: skip
