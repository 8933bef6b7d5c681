"""The image lists of VOC devkits, of their mirrors and of labelling tools."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from conta_core.data.image_ids import image_id_of, is_image_id
from conta_core.data.problems import refuse
from conta_core.data.readers.folder_files import MASKS, PHOTOGRAPHS, FolderFiles, stored_name
from conta_core.errors import ContaError

logger = logging.getLogger(__name__)

#: folders of lists below the root; the first that has the list is taken
LIST_FOLDERS = ("ImageSets/Segmentation", "ImageSets/SegmentationAug", "ImageSets/Main")
AUGMENTED = "SegmentationClassAug"
#: of VOC's images
PHOTOGRAPH_FOLDER = "JPEGImages"
_ENDINGS = "|".join(re.escape(ending) for ending in PHOTOGRAPHS)
_PHOTOGRAPH = re.compile(rf"(?P<path>.+)(?:{_ENDINGS})", re.IGNORECASE)
#: a path of a photograph, and a path of a mask
_PAIR = re.compile(rf"(?P<image>.+?(?:{_ENDINGS}))[\s,]+(?P<mask>\S.*\.png)", re.IGNORECASE)
#: whether an image has the list's class, as ImageSets/Main says it
_LABELS = ("-1", "0", "1")
#: characters of a line: two paths
_MAX_LINE = 4096


@dataclass(frozen=True)
class VocList:
    """A list as its file has it.

    Attributes:
        name: of the list, the file's without ending.
        ids: image ids, in order.
        names: what the list calls these images, without ending.
        augmented: the list counts on SBD's masks: its name ends in ``aug``, or it names
            masks in ``SegmentationClassAug``.
    """

    name: str
    ids: tuple[str, ...]
    names: tuple[str, ...]
    augmented: bool

    def names_by_id(self) -> dict[str, str]:
        """The images' names by their ids, each image once, in order."""
        return dict(zip(self.ids, self.names, strict=True))


def has_lists(root: Path) -> bool:
    """Whether there is a folder of lists."""
    return any((root / folder).is_dir() for folder in LIST_FOLDERS)


def list_path(root: Path, name: str) -> Path:
    """Where a list is; the first place to look if it is nowhere."""
    places = [root / folder / f"{name}.txt" for folder in LIST_FOLDERS]
    return next((path for path in places if path.is_file()), places[0])


def read_list(root: Path, name: str, kind: str, photographs: FolderFiles | None = None) -> VocList:
    """Read a list of image ids.

    A line is the name of an image, with or without its ending and folders. SBD's users write
    ``/JPEGImages/<id>.jpg``, mostly followed by ``/SegmentationClassAug/<id>.png``. The lists of
    ImageSets/Main have a label behind each name; labels are not used, and that is told. Empty
    lines do no harm.

    Args:
        root: of the devkit.
        name: of the list.
        kind: train or val, for messages.
        photographs: that are there; None: not known.

    Raises:
        ContaError: no such list, or one for all bad lines of it.
    """
    path = list_path(root, name)
    try:
        lines = re.split(r"\r\n|\r|\n", path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        there = sorted({p.stem for f in LIST_FOLDERS for p in (root / f).glob("*.txt")})
        deeper = [p.parent for depth in ("*", "*/*") for p in root.glob(f"{depth}/ImageSets")]
        if not there and deeper:
            raise ContaError(
                f"{path}: no such list, but there is {deeper[0] / 'ImageSets'}: name {deeper[0]} "
                "in dataset.root"
            ) from None
        raise ContaError(
            f"{path}: no such list; that folder has {there or 'none'}: name one of them in "
            f"dataset.lists.{kind}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ContaError(f"{path}: unreadable list ({error}); expected an id a line") from None
    filled = {number: line.strip() for number, line in enumerate(lines, start=1) if line.strip()}
    known = photographs.paths if photographs else {}
    filled = _without_labels(path, filled, known)
    names = []
    problems = []
    augmented = name.endswith("aug")
    for number, line in filled.items():
        try:
            image, mask = _parse(line, f"{path}, line {number}", known)
        except ContaError as error:
            problems.append(str(error))
            continue
        names.append(image)
        augmented |= AUGMENTED in PurePosixPath(mask).parts[:-1]
    refuse(problems, str(path))
    if not names:
        raise ContaError(f"{path}: an empty list; expected an image id a line")
    ids = tuple(image_id_of(image, str(path)) for image in names)
    return VocList(name, ids, tuple(names), augmented)


def list_all(name: str, photographs: FolderFiles) -> VocList:
    """The list of every photograph that is there."""
    names = tuple(sorted(photographs.paths))
    ids = tuple(image_id_of(image, str(photographs.folder)) for image in names)
    return VocList(name, ids, names, augmented=False)


def _without_labels(
    path: Path, lines: dict[int, str], known: Mapping[str, list[str]]
) -> dict[int, str]:
    """The lines without a label at the end, if each has one and none is a name as it is."""
    pairs = {number: line.rsplit(None, 1) for number, line in lines.items()}
    labels = Counter(pair[-1] for pair in pairs.values() if len(pair) == 2)
    named = any(stored_name(line) in known for line in lines.values())
    if named or not {*labels} <= {*_LABELS} or labels.total() < len(lines):
        return lines
    logger.warning(
        "%s: has a label behind each of its %d images (%s), which is not used: every image of the "
        "list is taken, with the tags that dataset.tags gives it",
        path,
        len(lines),
        ", ".join(f"{label}: {count}" for label, count in sorted(labels.items())),
    )
    return {number: pair[0] for number, pair in pairs.items()}


def _parse(line: str, where: str, known: Mapping[str, list[str]]) -> tuple[str, str]:
    """The name of a line's image without ending, and its mask's path or ``""``."""
    if len(line) > _MAX_LINE:
        raise ContaError(f"{where}: image id {line[:40]!r}... of {len(line)} characters; mend it")
    pair = _PAIR.fullmatch(line) if line.lower().endswith(MASKS) else None
    image, mask = (pair["image"], pair["mask"]) if pair and line not in known else (line, "")
    name = _image_name(image, where, known)
    if mask and stored_name(PurePosixPath(mask).stem) != name.rpartition("/")[2]:
        raise ContaError(
            f"{where}: the image {name} with the mask {mask[:200].removeprefix('/')}; expected "
            f"/{AUGMENTED}/{name}.png: mend the line"
        )
    return name, mask


def _image_name(text: str, where: str, known: Mapping[str, list[str]]) -> str:
    """The name below JPEGImages, without ending, of what a line calls an image."""
    name = stored_name(text)
    name = name if name in known else name.replace("\\", "/")
    path = _PHOTOGRAPH.fullmatch(name)
    if name in known or (path is None and is_image_id(name)):
        return name
    if path is not None:
        name = path["path"]
        before, folder, after = name.rpartition(f"{PHOTOGRAPH_FOLDER}/")
        if folder and (not before or before.endswith("/")):
            name = after
        elif name.removeprefix("./") not in known:  # a folder of the list's author
            name = name.rpartition("/")[2]
        name = name.removeprefix("./")
    if name in known:
        image_id_of(name, where)
        return name
    if (known and not is_image_id(name)) or path is None or ".." in name.split("/"):
        raise ContaError(
            f"{where}: image id {text[:200]!r} is no photograph in {PHOTOGRAPH_FOLDER}; expected a "
            "name without ending a line: mend the line"
        )
    image_id_of(name, where)
    return name
