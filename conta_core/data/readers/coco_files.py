"""Where COCO's annotations and images lie, as COCO itself and other tools lay them out."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from conta_core.errors import ContaError

logger = logging.getLogger(__name__)

_DRIVE = re.compile(r"^[A-Za-z]:")


def annotation_file(root: Path, name: str) -> Path:
    """The json of a list; COCO's own place where there is none.

    ``annotations/instances_<list>.json`` (COCO, CVAT), ``<list>/_annotations.coco.json``
    (Roboflow), ``annotations/<list>.json`` or ``<list>.json`` (Label Studio's ``result.json``).
    """
    places = (
        root / "annotations" / f"instances_{name}.json",
        root / name / "_annotations.coco.json",
        root / "annotations" / f"{name}.json",
        root / f"{name}.json",
    )
    return next((path for path in places if path.is_file()), places[0])


def no_annotations(root: Path, name: str, kind: str) -> ContaError:
    """The error about a list without a json, with the lists that are there."""
    path = annotation_file(root, name)
    stems = [found.stem for found in path.parent.glob("instances_*.json")]
    there = sorted(
        {stem.removeprefix("instances_") for stem in stems}
        | {found.parent.name for found in root.glob("*/_annotations.coco.json")}
    )
    return ContaError(
        f"{path}: no such annotations; that folder has {there or 'none'}: name one of them in "
        f"dataset.lists.{kind}"
    )


def relative_name(file_name: str) -> str:
    r"""A ``file_name`` as a path below the folder of images, with ``/``.

    Of a path of another machine's (``C:\photos\a.jpg``, ``/data/a.jpg``, ``../a.jpg``) the last
    part stays.
    """
    path = file_name.replace("\\", "/")
    foreign = path.startswith("/") or _DRIVE.match(path) or ".." in path.split("/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return "/".join(parts[-1:] if foreign else parts)


def image_paths(root: Path, name: str, file_names: Sequence[str]) -> list[str]:
    """The path of each image of a list.

    Images lie in ``<list>/``, ``images/<list>/``, ``images/`` or the root, at their ``file_name``.
    One that is not there is looked for by the last part of its name below the root, and taken
    where there is one file of that name and one image that lacks it.

    Args:
        root: of the data set.
        name: of the list.
        file_names: as :func:`relative_name` gives them.
    """
    folders = (root / name, root / "images" / name)
    folder = next((one for one in folders if one.is_dir()), root / name)
    if file_names and not folder.is_dir():
        others = (one for one in (root / "images", root) if (one / file_names[0]).is_file())
        folder = next(others, folder)
    paths = [str(folder / file_name) for file_name in file_names]
    try:
        there = frozenset(os.listdir(folder))  # one look, not one an image
    except OSError:
        there = frozenset()
    lost = [
        number
        for number, file_name in enumerate(file_names)
        if file_name not in there and not ("/" in file_name and os.path.isfile(paths[number]))
    ]
    if not lost:
        return paths
    wanted = Counter(PurePosixPath(file_names[number]).name for number in lost)
    by_name = defaultdict(list)
    for place, _, files in os.walk(root):
        for file in wanted.keys() & files:
            by_name[file].append(os.path.join(place, file))
    found = []
    for number in lost:
        last = PurePosixPath(file_names[number]).name
        if wanted[last] == 1 and len(by_name[last]) == 1:
            paths[number] = by_name[last][0]
            found.append(paths[number])
    if found:
        logger.warning(
            "%s: %d of %d images of %s lie elsewhere than their file_name says, and were found by "
            "their names: %s",
            root, len(found), len(paths), name, found[0],
        )  # fmt: skip
    return paths
