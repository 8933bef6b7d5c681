"""Where masks and tags of a data set contradict one another: doubts, not errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.images.masks import IGNORE

#: ids that a warning names
NAMED = 5
#: share of the contradictions that another order of the classes must explain to be told
EXPLAINED = 0.8


def mask_warnings(manifest: Manifest, found: Mapping[str, Collection[int]]) -> list[str]:
    """What the masks say otherwise than the tags, one text a kind, with images and the mend.

    Args:
        manifest: with the tags, and what the values of its files mean.
        found: image id -> values in its ground-truth file.
    """
    meant = {
        image_id: {manifest.mask_values.get(value, IGNORE) for value in values}
        for image_id, values in found.items()
    }
    tagged = {i: {int(k) + 1 for k in manifest.tag_indices(i)} for i in meant}
    without = [i for i in meant if tagged[i] and not meant[i] & tagged[i]]
    untagged = [i for i in meant if meant[i] - tagged[i] - {0, IGNORE}]
    texts = []
    # a reader that knows no more classes than the tags name takes every value
    every_value = IGNORE - 1 in manifest.mask_values
    unknown = {
        i: sorted(v for v in values if v != IGNORE and manifest.mask_values.get(v) == IGNORE)
        for i, values in found.items()
        if every_value
    }
    strange = [i for i, values in unknown.items() if values]
    if strange:
        values = sorted({value for i in strange for value in unknown[i]})
        texts.append(
            f"{_of(strange, meant)} masks hold the values {values[:NAMED]}, which no tag has: "
            f"{named(manifest, strange)}; they are ignored in scores: name all classes of the "
            "masks in dataset.classes, in the order in which the masks number them from 1"
        )
    if without:
        text = (
            f"{_of(without, meant)} masks hold none of their image's tags: "
            f"{named(manifest, without)}; " + _mend_of_tags(manifest, found, meant, without)
        )
        texts.append(text)
    if untagged:
        classes = Counter(v for i in untagged for v in meant[i] - tagged[i] - {0, IGNORE})
        most = ", ".join(
            f"{manifest.class_names[value]} ({count})" for value, count in classes.most_common(3)
        )
        texts.append(
            f"{_of(untagged, meant)} masks hold classes that their image is not tagged with, "
            f"most often {most}: {named(manifest, untagged)}; add the tags, or mend the masks"
        )
    return texts


def named(manifest: Manifest, ids: Sequence[str]) -> str:
    """The first of some images as their owner calls them, for a message."""
    names = [manifest.images[image_id].own_name for image_id in ids[:NAMED]]
    return ", ".join(names) + (", ..." if len(ids) > NAMED else "")


def _of(some: Sequence[str], all_of: Collection[str]) -> str:
    return f"{len(some)} of {len(all_of)}"


def _mend_of_tags(
    manifest: Manifest,
    found: Mapping[str, Collection[int]],
    meant: Mapping[str, Collection[int]],
    without: Sequence[str],
) -> str:
    """What most likely is wrong with masks that hold none of their tags."""
    if all(set(found[i]) <= {0, IGNORE} for i in without):
        last = manifest.classes[-1]
        only = f"{manifest.classes[0]} is 1"
        numbers = only if len(manifest.classes) == 1 else f"{only}, {last} {len(manifest.classes)}"
        if any(IGNORE in found[i] for i in without):
            return (
                f"they hold {IGNORE}, which means ignored, and no class: write the number of the "
                f"class in its place ({numbers})"
            )
        return f"they hold background alone: draw the objects ({numbers}), or leave such masks out"
    order = _other_order(manifest, meant, without)
    if order is not None:
        return (
            "they agree with the tags if the masks number the classes in another order: with "
            f"dataset.classes: [{', '.join(order)}]"
        )
    return "mend the tags, or the order of dataset.classes, by which masks are numbered from 1"


def _other_order(
    manifest: Manifest, meant: Mapping[str, Collection[int]], without: Sequence[str]
) -> list[str] | None:
    """The classes in the order by which masks and tags agree; None: there is no such order."""
    count = len(manifest.classes)
    together = np.zeros((count, count), dtype=np.int64)  # value, tag
    for image_id, values in meant.items():
        tags = manifest.tag_indices(image_id)
        for value in set(values) - {0, IGNORE}:
            together[value - 1, tags] += 1
    seen = together.sum(axis=1) > 0
    tag_of = together.argmax(axis=1)
    # values and tags that never occurred keep their places
    taken = tag_of[seen].tolist()
    if len(set(taken)) < len(taken):
        return None
    rest = iter([index for index in range(count) if index not in taken])
    order = [int(tag_of[v]) if seen[v] else next(rest) for v in range(count)]
    if order == list(range(count)):
        return None
    mended = [
        i
        for i in without
        if {order[v - 1] for v in set(meant[i]) - {0, IGNORE}}
        & set(manifest.tag_indices(i).tolist())
    ]
    if len(mended) < EXPLAINED * len(without):
        return None
    return [manifest.classes[index] for index in order]
