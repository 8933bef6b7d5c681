"""Gathering the parts of a store into it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from conta_core.errors import ContaError
from conta_core.runtime.progress import track
from conta_core.storage.stores.parts import ImageRecord, Part, PartHeader, read_part
from conta_core.storage.stores.writer import write_store

LOGGER = logging.getLogger(__name__)


def gather_store(*, parts: Sequence[str], output: str) -> None:
    """Write a store from all its parts: the same bytes however many there are.

    Each image is copied once, in the order of the list that the parts share.

    Args:
        parts: paths of part 1, 2, ... of the store.
        output: path of the store.

    Raises:
        ContaError: a part is missing, broken, or does not belong to the others.
    """
    opened = [read_part(path) for path in parts]
    first = opened[0][0]
    for number, (path, (header, _)) in enumerate(zip(parts, opened, strict=True), start=1):
        expected = PartHeader(first.store, Part(number, len(parts)), first.images, first.key)
        if header != expected:
            raise ContaError(
                f"{path}: {_described(header)}, expected {_described(expected)}, as {parts[0]}; "
                "delete it and let the workflow go on"
            )
    store = first.store
    with write_store(
        output,
        store.kind,
        classes=store.classes,
        run=store.run,
        round_index=store.round_index,
        settings=store.settings,
    ) as writer:
        images = _in_order([records for _, records in opened])
        count = 0
        for record in track(images, first.images, "gathering", LOGGER):
            # one order, so that the store's bytes are always the same
            arrays = {name: record.arrays[name] for name in sorted(record.arrays)}
            writer.write(record.image_id, arrays, size=record.size)
            count += 1
        if count != first.images:
            raise ContaError(
                f"{os.path.dirname(parts[0])}: {count} images in its parts, expected "
                f"{first.images}; delete the folder and let the workflow go on"
            )


def _in_order(parts: Sequence[Iterator[ImageRecord]]) -> Iterator[ImageRecord]:
    for turn in zip_longest(*parts):
        yield from (record for record in turn if record is not None)


def _described(header: PartHeader) -> str:
    store, part = header.store, header.part
    return (
        f"part {part.number} of {part.count} of a {store.kind} store of {header.images} images "
        f"(run {store.run}, round {store.round_index}, settings {store.settings})"
    )
