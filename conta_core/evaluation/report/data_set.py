"""The section of the data set: images and tags by class and list, and which classes co-occur."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.evaluation.report.pieces import Section, Shaded, Table
from conta_core.evaluation.scores.cooccurrence import tag_counts
from conta_core.evaluation.summary_rows import LISTS


def data_set_section(manifest: Manifest) -> Section:
    """What the run worked on.

    Args:
        manifest: of the data set.
    """
    counts = {name: tag_counts(manifest, name) for name in LISTS}
    rows: list[list[str]] = [
        ["class", *(c for called in LISTS.values() for c in (called, "percent"))]
    ]
    for i, class_name in enumerate(manifest.classes):
        row: list[str] = [class_name]
        for name in LISTS:
            count, total = int(counts[name][i, i]), len(manifest.lists[name])
            share = count / max(total, 1)
            row += [str(count), Shaded(f"{100 * share:.1f}", share)]
        rows.append(row)
    values = {
        "words": _in_words(manifest),
        "counts": Table("images that have the tag, by list", rows),
        "matrices": [
            (called, _matrix(manifest.classes, counts[name], called))
            for name, called in LISTS.items()
            if counts[name].any()
        ],
    }
    return Section("data-set", "Data set", "data_set.html", values)


def _matrix(classes: Sequence[str], counts: np.ndarray, called: str) -> Table:
    rows: list[list[str]] = [["class", *classes]]
    for i, name in enumerate(classes):
        row: list[str] = [name]
        for j, count in enumerate(counts[i].tolist()):
            share = count / max(int(counts[i, i]), 1)
            row.append(str(count) if i == j or not count else Shaded(str(count), share))
        rows.append(row)
    caption = (
        f"images of the {called} that have both tags; shaded by the share of the row's images; "
        "in the diagonal all images of the class"
    )
    return Table(caption, rows, style="matrix")


def _in_words(manifest: Manifest) -> str:
    words = []
    for name, called in LISTS.items():
        records = [manifest.images[i] for i in manifest.lists[name]]
        masks = sum(record.mask is not None for record in records)
        untagged = sum(not record.tags for record in records)
        said = f'{called} "{manifest.list_names[name]}": {len(records)} images, {masks} with masks'
        words.append(said + (f", {untagged} without a tag" if untagged else ""))
    sizes = [(r.height, r.width) for r in manifest.images.values()]
    if sizes:
        low, high = min(sizes, key=_area), max(sizes, key=_area)
        span = _size(low) if low == high else f"{_size(low)} to {_size(high)}"
        words.append(f"{span} pixels")
    return f"{manifest.name}. {'; '.join(words)}."


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _size(size: tuple[int, int]) -> str:
    return f"{size[1]} x {size[0]}"
