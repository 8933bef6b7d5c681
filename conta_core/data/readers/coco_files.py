"""Where COCO's annotations and images lie, as COCO itself and other tools lay them out."""

from __future__ import annotations

import logging
import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

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
    Where the first of them is in none of these, those that are not are looked for by the last part
    of their names below the root.

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
    if not paths or os.path.isfile(paths[0]):
        return paths  # the usual case: one look, and nothing is walked through
    by_name = defaultdict(list)
    for place, _, files in os.walk(root):
        for file in files:
            by_name[file].append(os.path.join(place, file))
    found = 0
    for number, path in enumerate(paths):
        same = by_name.get(os.path.basename(path), [])
        if len(same) == 1 and same[0] != path and not os.path.isfile(path):
            paths[number] = same[0]
            found += 1
    if found:
        logger.warning(
            "%s: %d of %d images of %s lie elsewhere than their file_name says, and were found by "
            "their names: %s",
            root, found, len(paths), name, paths[0],
        )  # fmt: skip
    return paths
