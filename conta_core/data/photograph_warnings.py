"""What is doubtful about the photographs of a data set: their sizes, and copies of one."""

from __future__ import annotations

from collections import defaultdict

from conta_core.data.manifest import Manifest
from conta_core.data.mask_warnings import named

#: from where a photograph is costly: its CAMs take about a gigabyte for each million pixels
LARGE = 2_000_000


def size_warnings(manifest: Manifest, long_side: int | None) -> list[str]:
    """Photographs that stages read smaller, or that cost much because they do not."""
    records = [record for record in manifest.images.values() if record.height]
    smaller = [record for record in records if record.stored_size is not None]
    texts = []
    if smaller:
        largest = max(smaller, key=lambda record: record.own_size[0] * record.own_size[1])
        height, width = largest.own_size
        texts.append(
            f"{len(smaller)} images are larger than dataset.long_side, {long_side} pixels, and are "
            f"scaled down to it by every stage, the largest of them {largest.own_name} ({width} x "
            f"{height}); their pseudo-masks and exports have the images' own size"
        )
    large = [record for record in records if record.height * record.width > LARGE]
    if large:
        largest = max(large, key=lambda record: record.height * record.width)
        height, width = largest.size
        texts.append(
            f"{len(large)} images have more than {LARGE:,} pixels, the largest of them "
            f"{largest.own_name} ({width} x {height}): "
            f"{named(manifest, [record.id for record in large])}; CAMs take about a gigabyte of "
            "memory for each million pixels, and time in proportion: set dataset.long_side (1024 "
            "is enough for most)"
        )
    return texts


def copy_warnings(manifest: Manifest) -> list[str]:
    """Photographs that are there under several ids."""
    ids = defaultdict(list)
    for record in manifest.images.values():
        if record.digest is not None:
            ids[record.digest].append(record.id)
    copies = [same for same in ids.values() if len(same) > 1]
    if not copies:
        return []
    train, val = (frozenset(manifest.lists[name]) for name in ("train", "val"))
    across = [same for same in copies if train & set(same) and val & set(same)]
    words = " and ".join(manifest.images[i].own_name for i in (across or copies)[0])
    if across:
        return [
            f"{len(across)} photographs are in the training and in the validation list under "
            f"several ids, so that scores of validation are of images trained on: {words}; leave "
            "one of each out"
        ]
    return [
        f"{len(copies)} photographs are there under several ids: {words}; leave one of each out"
    ]
