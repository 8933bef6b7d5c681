"""Where the photographs, annotations and masks of a VOC devkit's images lie."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conta_core.data.readers.folder_files import (
    MASKS,
    PHOTOGRAPHS,
    FolderFiles,
    list_files,
    warn_of_masks_elsewhere,
    warn_of_unread_masks,
)
from conta_core.data.readers.voc_lists import AUGMENTED, PHOTOGRAPH_FOLDER

logger = logging.getLogger(__name__)

#: folders of masks below the root; the first that is there is taken
MASK_FOLDERS = (AUGMENTED, "SegmentationClass", "SegmentationClassPNG")
_LABEL_MAP = re.compile(
    r"(class|label|categor|colou?r|names).*\.(txt|csv|json|ya?ml)$|\.names$", re.IGNORECASE
)
_OTHER_FOLDERS = (PHOTOGRAPH_FOLDER, "Annotations", "ImageSets", "SegmentationObject")


@dataclass(frozen=True)
class VocFiles:
    """The files of a devkit, each folder listed once.

    Attributes:
        root: of the devkit.
        photographs: in JPEGImages.
        annotations: in Annotations.
        mask_folder: name of the folder that masks are taken from; None: there is none.
        masks: in that folder.
    """

    root: Path
    photographs: FolderFiles
    annotations: FolderFiles
    mask_folder: str | None
    masks: FolderFiles

    def photograph(self, name: str) -> str:
        """Path of a photograph, with the ending that it has; of none, with the usual one."""
        usual = str(self.photographs.folder / f"{name}.jpg")
        return self.photographs.find(name, PHOTOGRAPHS) or usual

    def annotation(self, name: str) -> Path:
        """Path of an annotation, whether it is there or not."""
        usual = self.annotations.folder / f"{name}.xml"
        return Path(self.annotations.find(name, (".xml",)) or usual)

    def mask(self, name: str) -> str | None:
        """Path of a mask; None: there is none."""
        return self.masks.find(name, MASKS)

    def has_annotation(self, name: str) -> bool:
        """Whether the image has an annotation."""
        return self.annotations.find(name, (".xml",)) is not None


def find_voc_files(root: Path) -> VocFiles:
    """List the folders of a devkit."""
    folder = next((name for name in MASK_FOLDERS if (root / name).is_dir()), None)
    masks = list_files(root / (folder or MASK_FOLDERS[1]))
    pictures = any(path.lower().endswith(MASKS) for path in masks.all_paths())
    if folder == MASK_FOLDERS[1] and not pictures and (root / MASK_FOLDERS[2]).is_dir():
        # older versions of labelme write arrays into the one and PNG files into the other
        folder = MASK_FOLDERS[2]
        masks = list_files(root / folder)
    return VocFiles(
        root=root,
        photographs=list_files(root / PHOTOGRAPH_FOLDER),
        annotations=list_files(root / "Annotations"),
        mask_folder=folder,
        masks=masks,
    )


def warn_of_other_label_maps(root: Path) -> None:
    """Say which files of the root may name classes of one's own, where none is read."""
    try:
        names = sorted(entry.name for entry in os.scandir(root) if entry.is_file())
    except OSError:
        return
    alike = [name for name in names if _LABEL_MAP.search(name)]
    if alike:
        logger.warning(
            "%s: %s may name classes, and is not read: the classes are VOC's; if they are others, "
            "name them in class_names.txt (_background_ first, a name a line)",
            root,
            ", ".join(alike[:3]),
        )


def warn_of_masks(files: VocFiles, masks: Mapping[str, str | None]) -> None:
    """Say which masks of the lists' images lie where nobody reads them.

    Args:
        files: of the devkit.
        masks: name of an image -> path of its mask, or None.
    """
    unmasked = [name for name, mask in masks.items() if mask is None]
    if unmasked and files.mask_folder is None:
        besides = [files.root / name for name in _OTHER_FOLDERS]
        warn_of_masks_elsewhere(files.root, unmasked, besides, str(files.root / MASK_FOLDERS[1]))
    if not unmasked or files.mask_folder is None:
        return
    read = {mask for mask in masks.values() if mask is not None}
    # a test list has no masks: only a folder of which nothing is read is told then
    warn_of_unread_masks(files.masks, read, unmasked, mend="", own=not read)
    for folder in MASK_FOLDERS:
        others = list_files(files.root / folder) if folder != files.mask_folder else None
        lacking = [name for name in unmasked if others and others.find(name, MASKS)]
        if lacking:
            logger.warning(
                "%s: lacks the masks of %d images that %s has, among them %s: copy them there, or "
                "move the folder %s away",
                files.root / files.mask_folder,
                len(lacking),
                files.root / folder,
                ", ".join(lacking[:3]),
                files.mask_folder,
            )
