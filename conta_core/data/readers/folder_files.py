"""What lies in a folder of photographs or masks, by the names that their owner gave them."""

from __future__ import annotations

import logging
import os
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

#: of photographs, the usual first
PHOTOGRAPHS = (
    ".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".jp2", ".pgm", ".ppm",
    ".heic", ".heif", ".avif",
)  # fmt: skip
MASKS = (".png",)
_OF_DATA = (*PHOTOGRAPHS, ".xml", ".npy")
#: folders in folders
_MAX_DEPTH = 4


def stored_name(name: str) -> str:
    """A file name in the form in which names are compared: disks compose letters or do not."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


@dataclass(frozen=True)
class FolderFiles:
    """The files of a folder and of the folders in it, listed once.

    Attributes:
        folder: where they lie.
        paths: below the folder, as they are on disk, by their name without ending (with the
            folders before it, letters composed).
    """

    folder: Path
    paths: dict[str, list[str]]

    def find(self, name: str, endings: Sequence[str]) -> str | None:
        """The path of the file of that name with one of the endings, in letters of any case.

        Args:
            name: without ending.
            endings: in small letters; the first that is there counts.
        """
        there = self.paths.get(stored_name(name), ())
        for ending in endings:
            alike = [path for path in there if os.path.splitext(path)[1].lower() == ending]
            if alike:
                exact = (path for path in alike if path.endswith(ending))
                return str(self.folder / next(exact, alike[0]))
        return None

    def all_paths(self) -> list[str]:
        """Every path below the folder."""
        return [path for paths in self.paths.values() for path in paths]


def list_files(folder: Path) -> FolderFiles:
    """List a folder; nothing where there is none.

    A folder that holds but a folder of its own name, as archives are unpacked one level too
    deep, is that folder; other files than photographs and annotations do not count. Hidden files
    are left out.
    """
    here = [one for one in _entries(folder) if one.name not in ("__MACOSX", folder.name)]
    inner = folder / folder.name
    filled = any(_is_folder(one) or one.name.lower().endswith(_OF_DATA) for one in here)
    if not filled and inner.is_dir():
        folder = inner
    paths: dict[str, list[str]] = {}
    for path in sorted(_walk(folder, "", 0)):
        paths.setdefault(stored_name(os.path.splitext(path)[0]), []).append(path)
    return FolderFiles(folder, paths)


def _entries(folder: str | os.PathLike[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str], *, links: bool = True) -> bool:
    try:
        return entry.is_dir(follow_symlinks=links)
    except OSError:  # a link that may not be followed
        return False


def _walk(folder: str | os.PathLike[str], before: str, depth: int) -> Iterator[str]:
    for entry in _entries(folder):
        # links to folders may lead in circles: those in the folder itself are followed, no others
        if not _is_folder(entry, links=depth == 0):
            yield before + entry.name
        elif depth < _MAX_DEPTH and entry.name != "__MACOSX":
            yield from _walk(entry.path, f"{before}{entry.name}/", depth + 1)


def warn_of_unread_masks(
    files: FolderFiles, read: Collection[str], unmasked: Sequence[str], *, mend: str, own: bool
) -> None:
    """Say which files of a folder of masks nobody reads, where images lack a mask.

    Args:
        files: of the folder.
        read: paths of the masks that are read.
        unmasked: names of the images without one.
        mend: what else to do than to name masks like their images; may be empty.
        own: the folder belongs to these images alone; else only files that are named like one
            of them count.
    """
    if not unmasked:
        return
    paths = (path for path in files.all_paths() if str(files.folder / path) not in read)
    unread = [path for path in paths if not path.lower().endswith((".txt", ".csv", ".json"))]
    if not own:
        names = {stored_name(name).casefold() for name in unmasked}
        unread = [path for path in unread if names & _names_within(path)]
    if unread:
        logger.warning(
            "%s: %d files there are no mask of any image, among them %s, and %d images have no "
            "mask, among them %s: call a mask like its photograph (%s.png)%s",
            files.folder,
            len(unread),
            ", ".join(unread[:3]),
            len(unmasked),
            ", ".join(unmasked[:3]),
            unmasked[0],
            mend,
        )


def warn_of_masks_elsewhere(
    root: Path, names: Collection[str], besides: Collection[Path], expected: str
) -> None:
    """Say which folders hold PNG files that are called like images, where no image has a mask.

    Args:
        root: of the data set; the folders in it are looked into.
        names: of the images.
        besides: folders that hold something else.
        expected: where masks are read from.
    """
    wanted = {stored_name(name).casefold().rpartition("/")[2] for name in names}
    for entry in sorted(_entries(root), key=lambda one: one.name):
        folder = root / entry.name
        if not _is_folder(entry) or any(one.is_relative_to(folder) for one in besides):
            continue
        pictures = [p for p in list_files(folder).all_paths() if p.lower().endswith(MASKS)]
        alike = [path for path in pictures if wanted & _names_within(path)]
        if alike:
            logger.warning(
                "%s: %d PNG files there are called like images, among them %s, and nobody reads "
                "them; if they are masks, call the folder %s",
                folder,
                len(alike),
                ", ".join(alike[:3]),
                expected,
            )


def _names_within(path: str) -> set[str]:
    """What a file may be named after: its name, cut at each '.', '_' or '-', from either end."""
    name = stored_name(os.path.basename(path)).casefold()
    cuts = [found.start() for found in re.finditer(r"[._-]", name)][-6:]
    firsts = [found.end() for found in re.finditer(r"[._-]", name)][:3]
    stem = os.path.splitext(name)[0]
    return {name[:cut] for cut in cuts} | {stem[cut:] for cut in firsts}
