"""The image lists of VOC devkits and of their mirrors with SBD's additions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from conta_core.data.image_ids import check_image_id
from conta_core.data.problems import refuse
from conta_core.errors import ContaError

#: folders of lists below the root; the first that has the list is taken
LIST_FOLDERS = ("ImageSets/Segmentation", "ImageSets/SegmentationAug")
AUGMENTED = "SegmentationClassAug"


@dataclass(frozen=True)
class VocList:
    """A list as its file has it.

    Attributes:
        name: of the list, the file's without ending.
        ids: image ids, in order.
        augmented: the list counts on SBD's masks: its name ends in ``aug``, or it names
            masks in ``SegmentationClassAug``.
    """

    name: str
    ids: tuple[str, ...]
    augmented: bool


def list_path(root: Path, name: str) -> Path:
    """Where a list is; the first place to look if it is nowhere."""
    places = [root / folder / f"{name}.txt" for folder in LIST_FOLDERS]
    return next((path for path in places if path.is_file()), places[0])


def read_list(root: Path, name: str, kind: str) -> VocList:
    """Read a list of image ids.

    A line is an id, or as SBD's users write it ``/JPEGImages/<id>.jpg``, mostly followed by
    ``/SegmentationClassAug/<id>.png``. Empty lines do no harm.

    Args:
        root: of the devkit.
        name: of the list.
        kind: train or val, for messages.

    Raises:
        ContaError: no such list, or one for all bad lines of it.
    """
    path = list_path(root, name)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        there = sorted({p.stem for f in LIST_FOLDERS for p in (root / f).glob("*.txt")})
        raise ContaError(
            f"{path}: no such list; that folder has {there or 'none'}: name one of them in "
            f"dataset.lists.{kind}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ContaError(f"{path}: unreadable list ({error}); expected an id a line") from None
    ids = []
    problems = []
    augmented = name.endswith("aug")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            image_id, mask = _parse(line.strip(), f"{path}, line {number}")
        except ContaError as error:
            problems.append(str(error))
            continue
        ids.append(image_id)
        augmented |= mask.startswith(f"{AUGMENTED}/")
    refuse(problems, str(path))
    if not ids:
        raise ContaError(f"{path}: an empty list; expected an image id a line")
    return VocList(name, tuple(ids), augmented)


def _parse(line: str, where: str) -> tuple[str, str]:
    """Image id of a line, and the mask's path below the root or ``""``."""
    image, _, mask = line.partition(" ")
    image, mask = image.removeprefix("/"), mask.strip().removeprefix("/")
    if not image.startswith("JPEGImages/"):
        return check_image_id(line, where), ""
    image_id = check_image_id(image.removeprefix("JPEGImages/").removesuffix(".jpg"), where)
    if mask and PurePosixPath(mask).stem != image_id:
        raise ContaError(
            f"{where}: the image {image_id} with the mask {mask}; expected "
            f"/{AUGMENTED}/{image_id}.png: mend the line"
        )
    return image_id, mask
