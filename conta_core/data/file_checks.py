"""Read every file that a manifest names, and say what is wrong with each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.data.problems import Problem
from conta_core.errors import ContaError
from conta_core.images.file_bytes import NamedBytes, digest_of, read_bytes
from conta_core.images.masks import IGNORE, read_label_png
from conta_core.images.photographs import MIN_SIDE, read_image, read_whole
from conta_core.runtime.parallel import map_in_order


@dataclass(frozen=True)
class FileCheck:
    """What was found out about the files of one image.

    Attributes:
        record: of the image, with its sizes and the digests of its files; its height and width
            are 0 where the image cannot be read.
        orientation: what its EXIF data ask for, 1 to 8; 1 is as stored.
        labels: the values in its mask; None without a mask that can be read.
        problems: of its image, mask and context map.
    """

    record: ImageRecord
    orientation: int
    labels: frozenset[int] | None
    problems: tuple[Problem, ...]


def folder_problems(manifest: Manifest) -> list[Problem]:
    """Folders of images that are not there, each told once and not image by image."""
    of_folder: dict[Path, list[str]] = defaultdict(list)
    for record in manifest.images.values():
        of_folder[Path(record.image).parent].append(Path(record.image).name)
    return [
        Problem(
            "folders",
            f"{folder}: no such folder; expected {len(names)} images there, among them "
            f"{', '.join(names[:3])}: unpack them there, or mend dataset.root",
        )
        for folder, names in of_folder.items()
        if not folder.is_dir()
    ]


def check_files(manifest: Manifest, workers: int, long_side: int | None) -> Iterator[FileCheck]:
    """Read the image, mask and context map of each record, in the manifest's order.

    Args:
        manifest: of a reader; images of folders that are missing are passed over, see
            :func:`folder_problems`.
        workers: processes that read.
        long_side: of an image, at most, as stages will read it; None: as it is.
    """
    labels = frozenset(manifest.mask_values) | {IGNORE}
    contexts = frozenset(manifest.mask_values) - {0}
    folders = {Path(record.image).parent for record in manifest.images.values()}
    there = {folder for folder in folders if folder.is_dir()}
    colours = manifest.colour_labels()
    tasks = (
        _Task(r, Path(r.image).parent in there, long_side, labels, contexts, colours)
        for r in manifest.images.values()
    )
    return map_in_order(_check, tasks, workers)


@dataclass(frozen=True)
class _Task:
    record: ImageRecord
    folder_exists: bool
    long_side: int | None
    labels: frozenset[int]
    contexts: frozenset[int]
    colours: dict[int, int] | None


def _check(task: _Task) -> FileCheck:
    record, problems, orientation = task.record, [], 1
    if task.folder_exists:
        try:
            record, orientation = _read_photograph(record, task.long_side)
        except ContaError as error:
            problems.append(Problem("images", str(error)))
    found = None
    if record.mask is not None:
        digest, found, wrong = _read_labels(
            "masks", record.mask, record, orientation, task.labels, task.colours
        )
        record = replace(record, mask_digest=digest)
        problems += wrong
    if record.context_map is not None:
        path = record.context_map
        _, _, wrong = _read_labels("context maps", path, record, orientation, task.contexts)
        problems += wrong
    return FileCheck(record, orientation, found, tuple(problems))


def _read_photograph(record: ImageRecord, long_side: int | None) -> tuple[ImageRecord, int]:
    """The record with what its photograph tells, and the orientation that is asked for."""
    path = record.image
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        read_image(path)  # says what is missing
        raise
    image = read_whole(NamedBytes(content, path).as_path(), long_side)
    size, own = (image.pixels.shape[0], image.pixels.shape[1]), image.own_size
    if min(size) < MIN_SIDE:
        seen = "" if size == own else f", of which stages would read {_extent(size)}"
        raise ContaError(
            f"{path}: {_extent(own)}{seen}; expected at least {MIN_SIDE} on either side: take its "
            "id off the list"
        )
    read = replace(record, height=size[0], width=size[1], digest=digest_of(content))
    return replace(read, stored_size=None if size == own else own), image.orientation


def _read_labels(
    kind: str,
    path: str,
    record: ImageRecord,
    orientation: int,
    expected: frozenset[int],
    colours: dict[int, int] | None = None,
) -> tuple[str | None, frozenset[int] | None, list[Problem]]:
    """Digest and values of a file of labels, where it can be read, and what is wrong with it."""
    try:
        content = read_bytes(path)
        labels = read_label_png(NamedBytes(content, path).as_path(), colours)
    except FileNotFoundError:
        return None, None, [Problem(kind, f"{path}: no such mask; expected a PNG there")]
    except ContaError as error:
        return None, None, [Problem(kind, str(error))]
    problems = []
    if record.size != (0, 0) and labels.shape != record.own_size:
        problems.append(_other_size(path, labels.shape, record, orientation))
    values = np.flatnonzero(np.bincount(labels.ravel(), minlength=256)).tolist()
    strange = [value for value in values if value not in expected]
    if strange:
        problems.append(
            f"{path}: holds the values {strange[:10]}; expected {_spans(expected)}: convert the "
            "mask, or name all of its classes in dataset.classes"
        )
    return digest_of(content), frozenset(values), [Problem(kind, text) for text in problems]


def _other_size(path: str, found: tuple[int, ...], record: ImageRecord, orientation: int) -> str:
    hint = "make the mask again from this image"
    if orientation != 1 and found == record.own_size[::-1]:
        hint = (
            f"the image asks by EXIF for orientation {orientation}, which is not applied: "
            "rotate its pixels and drop that tag, or make the mask as the pixels are stored"
        )
    return (
        f"{path}: {_extent(found)} but {record.image} is {_extent(record.own_size)}; they must be "
        f"equal: {hint}"
    )


def _extent(size: tuple[int, ...]) -> str:
    return f"{size[1]} x {size[0]} pixels"


def _spans(values: frozenset[int]) -> str:
    """The values in words: ``0-20, 255``."""
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
