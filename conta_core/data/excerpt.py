"""A smaller copy of a data set: fewer and smaller images, for trials that need not wait."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
from PIL import Image

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png
from conta_core.runtime.parallel import map_in_order
from conta_core.storage.atomic import replace_folder_when_done


@dataclass(frozen=True)
class ExcerptSizes:
    """How large the copy is.

    Attributes:
        train: training images, at most; None: all.
        val: validation images, likewise.
        long_side: pixels; larger images are scaled down to it; None: as they are.
    """

    train: int | None = None
    val: int | None = None
    long_side: int | None = None


def write_excerpt(
    manifest: Manifest,
    folder: str | os.PathLike[str],
    sizes: ExcerptSizes,
    workers: int = 1,
) -> Manifest:
    """Write a data set of format folder: ``tags.csv``, ``images/`` and ``masks/``.

    Images are scaled by area and kept without loss, as PNG; masks are scaled by nearest and hold
    i + 1 for class i of the manifest. An image without a mask gets none.
    Which images: :func:`choose`. Context maps are left behind.

    Args:
        manifest: of the whole data set, with sizes.
        folder: to write, whole or not at all; must be absent.
        sizes: of the copy.
        workers: processes that read and write.

    Returns:
        The manifest, of the chosen images alone; its records name the old files.

    Raises:
        ContaError: the folder is there, or a file changed since the manifest was made.
    """
    if os.path.exists(folder):
        raise ContaError(f"{folder}: is there already; expected a new folder: name another one")
    # a table names an image once: one that is in both lists is for training
    train = manifest.ids("train")
    others = manifest.ids("train", "val")[len(train) :]
    ids = {
        "train": choose(manifest, train, sizes.train),
        "val": choose(manifest, others, sizes.val),
    }
    records = [manifest.images[image_id] for members in ids.values() for image_id in members]
    with replace_folder_when_done(folder) as temporary:
        (temporary / "images").mkdir()
        (temporary / "masks").mkdir()
        copy = partial(_copy, manifest, temporary, sizes.long_side)
        for _ in map_in_order(copy, records, workers):
            pass
        _write_table(temporary / "tags.csv", manifest, ids)
    return Manifest(
        name=manifest.name,
        classes=manifest.classes,
        lists={kind: tuple(members) for kind, members in ids.items()},
        list_names=manifest.list_names,
        images={record.id: record for record in records},
        ground_truth=manifest.ground_truth,
        mask_values=manifest.mask_values,
    )


def choose(manifest: Manifest, ids: Sequence[str], count: int | None) -> list[str]:
    """So many images, as evenly over the classes as the list has them.

    From the rarest class on, each takes its share of what is still to be chosen, evenly spaced
    over its images that no class before it took; what then is left to choose, images without a
    tag among it, is evenly spaced over the rest.

    Args:
        manifest: of the data set.
        ids: to choose from.
        count: how many, at most; None: all.

    Returns:
        Ids in the order of ``ids``.
    """
    if count is None or count >= len(ids):
        return list(ids)
    of_class = {
        name: [i for i in ids if name in manifest.images[i].tags] for name in manifest.classes
    }
    rarest_first = sorted(manifest.classes, key=lambda name: len(of_class[name]))
    chosen: set[str] = set()
    for place, name in enumerate(rarest_first):
        share = (count - len(chosen)) // (len(rarest_first) - place)
        chosen.update(_evenly([i for i in of_class[name] if i not in chosen], share))
    chosen.update(_evenly([i for i in ids if i not in chosen], count - len(chosen)))
    return [i for i in ids if i in chosen]


def _evenly(ids: Sequence[str], count: int) -> list[str]:
    """Evenly spaced members of a list, all of a list that has no more."""
    if count >= len(ids):
        return list(ids)
    return [ids[place * len(ids) // count] for place in range(count)]


def _copy(manifest: Manifest, folder: Path, long_side: int | None, record: ImageRecord) -> None:
    """Scale one image, and its mask."""
    image = record.read_image()
    height, width = image.shape[:2]
    factor = min(1.0, (long_side or max(height, width)) / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if factor < 1 else image
    Image.fromarray(small).save(folder / "images" / f"{record.id}.png")
    if record.mask is not None:
        mask = manifest.read_mask(record.id)
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT) if factor < 1 else mask
        write_label_png(folder / "masks" / f"{record.id}.png", mask)


def _write_table(path: Path, manifest: Manifest, ids: dict[str, list[str]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(("image", "tags", "split"))
        for kind, members in ids.items():
            for image_id in members:
                tags = ";".join(manifest.images[image_id].tags)
                table.writerow((f"images/{image_id}.png", tags, kind))
