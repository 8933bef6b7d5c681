"""The photographs that paths, folders and globs name, and their pixels as they are shown."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from conta_core.errors import ContaError, ProblemsError
from conta_core.images.kinds import ENDINGS
from conta_core.images.orientation import turn, turned_size
from conta_core.images.photographs import exif_orientation, read_image, stored_size
from conta_core.runtime.nearest import did_you_mean


@dataclass(frozen=True)
class Photograph:
    """A photograph and what its results are called.

    Attributes:
        path: of the file, as it was found.
        name: of its results, without an ending: the file's name, below the folders that it lies
            in under the folder or the fixed part of the glob that was asked for.
    """

    path: Path
    name: str


def find_photographs(paths: Sequence[str], output: str | os.PathLike[str]) -> list[Photograph]:
    """Every photograph that is asked for, once, in the order asked for, folders by name.

    Args:
        paths: of files, of folders (searched to the bottom, hidden files left out) and globs
            (``**`` is any depth).
        output: folder of the results; what lies in it is found in no folder and by no glob.

    Returns:
        At least one.

    Raises:
        ContaError: a path that is not there, a folder or glob without a photograph, or two
            photographs whose results would have one name.
    """
    mine = Path(output).resolve()
    found: dict[Path, Photograph] = {}
    for asked in paths:
        for photograph in _search(asked, mine):
            found.setdefault(photograph.path.resolve(), photograph)
    _refuse_clashes(found.values())
    return list(found.values())


def read_photograph(path: str | os.PathLike[str]) -> np.ndarray:
    """The pixels of a photograph as it is shown: turned as its EXIF data say.

    Returns:
        uint8 (H, W, 3), RGB; other kinds of pixels as in :func:`conta_core.images.read_image`.

    Raises:
        ContaError: missing, unreadable or too large.
    """
    try:
        pixels = read_image(path)
    except ContaError as error:  # there is no list here
        raise ContaError(str(error).replace("take its id off the list", "leave it out")) from None
    return np.ascontiguousarray(turn(pixels, exif_orientation(path)))


def shown_size(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Height and width of :func:`read_photograph`'s pixels from the file's head; None: unknown."""
    try:
        return turned_size(stored_size(path), exif_orientation(path))
    except Exception:  # what is wrong with it is told when it is read
        return None


def _search(asked: str, output: Path) -> Iterator[Photograph]:
    path = Path(asked)
    if path.is_file():
        yield Photograph(path, path.stem)
    elif path.is_dir():
        files = [p for p in _files_below(path) if not p.resolve().is_relative_to(output)]
        yield from _chosen(asked, path, files)
    elif glob.has_magic(asked):
        matches = (Path(p) for p in sorted(glob.glob(asked, recursive=True)))
        files = [p for p in matches if p.is_file() and not p.resolve().is_relative_to(output)]
        if not files:
            raise ContaError(f"{asked}: matches no file; expected at least one: check the pattern")
        yield from _chosen(asked, _fixed_part(path), files)
    else:
        there = os.listdir(path.parent) if path.parent.is_dir() else []
        mend = did_you_mean(path.name, there, "check the path", path.parent)
        raise ContaError(f"{asked}: no such file or folder{mend}")


def _files_below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        yield from (Path(place, f) for f in sorted(files) if not f.startswith("."))


def _chosen(asked: str, base: Path, files: Sequence[Path]) -> Iterator[Photograph]:
    chosen = [p for p in files if p.suffix.lower() in ENDINGS]
    if not chosen:
        kinds = Counter(p.suffix.lower() or "no ending" for p in files)
        holds = ", ".join(f"{n} with {kind}" for kind, n in kinds.most_common(5)) or "no file"
        raise ContaError(
            f"{asked}: no photograph among what it holds ({holds}); expected files that end in "
            f"{' '.join(sorted(ENDINGS))}: convert them"
        )
    for path in chosen:
        yield Photograph(path, path.relative_to(base).with_suffix("").as_posix())


def _fixed_part(pattern: Path) -> Path:
    """The folders of a glob before its first wildcard."""
    parts = pattern.parts[:-1]
    first = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    if ".." in parts[first:]:
        raise ContaError(f"{pattern}: '..' after a wildcard; write the pattern without it")
    return Path(*parts[:first])


def _refuse_clashes(photographs: Iterable[Photograph]) -> None:
    by_name: dict[str, list[Photograph]] = {}
    for photograph in photographs:
        by_name.setdefault(photograph.name, []).append(photograph)
    problems = [
        f"{' and '.join(str(p.path) for p in same)} would both become masks/{name}.png"
        for name, same in by_name.items()
        if len(same) > 1
    ]
    if problems:
        raise ProblemsError(
            "photographs of one name (name the folder above them, or a glob in quotes: results "
            "then lie in folders of their own; or rename one)",
            problems,
        )
