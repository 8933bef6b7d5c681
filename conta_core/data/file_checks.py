"""Read every file that a manifest names, and say what is wrong with each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from conta_core.data.images import exif_orientation, read_image
from conta_core.data.manifest import Manifest
from conta_core.data.masks import IGNORE, read_label_png
from conta_core.data.problems import Problem
from conta_core.errors import ContaError
from conta_core.runtime.parallel import map_in_order


@dataclass(frozen=True)
class FileCheck:
    """What was found out about the files of one image.

    Attributes:
        id: of the image.
        size: height and width in pixels; (0, 0) where the image cannot be read.
        orientation: what its EXIF data ask for, 1 to 8; 1 is as stored.
        problems: of its image, mask and context map.
    """

    id: str
    size: tuple[int, int]
    orientation: int
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


def check_files(manifest: Manifest, workers: int) -> Iterator[FileCheck]:
    """Read the image, mask and context map of each record, in the manifest's order.

    Args:
        manifest: of a reader; images of folders that are missing are passed over, see
            :func:`folder_problems`.
        workers: processes that read.
    """
    labels = frozenset(manifest.mask_values) | {IGNORE}
    contexts = frozenset(manifest.mask_values) - {0}
    folders = {Path(record.image).parent for record in manifest.images.values()}
    there = {folder for folder in folders if folder.is_dir()}
    colours = manifest.colour_labels()
    tasks = (
        _Files(
            r.id,
            r.image,
            Path(r.image).parent in there,
            r.mask,
            r.context_map,
            labels,
            contexts,
            colours,
        )
        for r in manifest.images.values()
    )
    return map_in_order(_check, tasks, workers)


@dataclass(frozen=True)
class _Files:
    id: str
    image: str
    folder_exists: bool
    mask: str | None
    context_map: str | None
    labels: frozenset[int]
    contexts: frozenset[int]
    colours: dict[int, int] | None


def _check(files: _Files) -> FileCheck:
    problems = []
    size = (0, 0)
    orientation = 1
    if files.folder_exists:
        try:
            height, width = read_image(files.image).shape[:2]
            size = (height, width)
            orientation = exif_orientation(files.image)
        except ContaError as error:
            problems.append(Problem("images", str(error)))
    for kind, path, expected, colours in (
        ("masks", files.mask, files.labels, files.colours),
        ("context maps", files.context_map, files.contexts, None),
    ):
        if path is None:
            continue
        try:
            labels = read_label_png(path, colours)
        except ContaError as error:
            problems.append(Problem(kind, str(error)))
            continue
        if size != (0, 0) and labels.shape != size:
            hint = "make the mask again from this image"
            if orientation != 1 and labels.shape == size[::-1]:
                hint = (
                    f"the image asks by EXIF for orientation {orientation}, which is not applied: "
                    "rotate its pixels and drop that tag, or make the mask as the pixels are stored"
                )
            problems.append(
                Problem(
                    kind,
                    f"{path}: {_extent(labels.shape)} but {files.image} is {_extent(size)}; "
                    f"they must be equal: {hint}",
                )
            )
        values = np.flatnonzero(np.bincount(labels.ravel(), minlength=256)).tolist()
        strange = [value for value in values if value not in expected]
        if strange:
            problems.append(
                Problem(
                    kind,
                    f"{path}: holds the values {strange[:10]}; expected {_spans(expected)}: "
                    "convert the mask, or name all of its classes in dataset.classes",
                )
            )
    return FileCheck(files.id, size, orientation, tuple(problems))


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
