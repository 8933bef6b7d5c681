"""Reader of folders of photographs and masks without a table, as labelling tools export them."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from conta_core.data.image_ids import image_id_of
from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.data.problems import Problem, refuse
from conta_core.data.readers.folder_files import MASKS, PHOTOGRAPHS, FolderFiles, list_files
from conta_core.data.readers.label_maps import LabelMap, find_label_map
from conta_core.data.readers.tag_names import classes_problems
from conta_core.data.readers.voc_tags import tags_of_masks
from conta_core.errors import ContaError
from conta_core.settings import DatasetSettings

logger = logging.getLogger(__name__)

#: folders of photographs and of masks in a list's folder: one for both (Roboflow), or
#: Supervisely's, or those that people name themselves
_PHOTOGRAPHS = ("img", "images", ".")
_MASKS = ("masks_machine", "masks", ".")
#: what a mask's name has behind its photograph's, where they lie in one folder
_SUFFIXES = ("_mask", "")


def read_mask_folders(
    settings: DatasetSettings, *, workers: int = 1, problems: list[Problem] | None = None
) -> Manifest:
    """Read photographs and masks that lie in a folder for each list; tags are the masks' classes.

    A list is the folder of its name below the root. Its photographs lie in ``img/``, ``images/``
    or in itself, their masks in ``masks_machine/``, ``masks/`` or beside them as
    ``<name>_mask.png``. A label map (:mod:`conta_core.data.readers.label_maps`) in the list's
    folder or in the root names the classes. A validation list without a folder is empty.

    Args:
        settings: of format folder, with ``tags`` masks.
        workers: processes that read masks.
        problems: where to put what is wrong with masks, instead of raising.

    Returns:
        The manifest, with heights and widths of 0 until the images are checked.

    Raises:
        ContaError: a folder, its label map or masks are missing, or label maps differ.
    """
    root = Path(settings.root or ".")
    names = {"train": settings.lists.train, "val": settings.lists.val}
    folders = {kind: root / name for kind, name in names.items()}
    if not folders["train"].is_dir():
        there = sorted(path.name for path in root.glob("*") if path.is_dir())
        raise ContaError(
            f"{folders['train']}: no such folder, and no {root / 'tags.csv'}; expected a folder of "
            f"photographs and masks (the root has {there or 'no folder'}): name it in "
            "dataset.lists.train"
        )
    if not folders["val"].is_dir():
        logger.warning("%s: no such folder: the validation list is empty", folders["val"])
    labels = _label_map(root, [folder for folder in folders.values() if folder.is_dir()])
    refuse(classes_problems(settings.classes or (), labels.classes), "dataset.classes")
    classes = settings.classes or labels.classes
    records: dict[str, ImageRecord] = {}
    lists: dict[str, tuple[str, ...]] = {}
    wrong: list[Problem] = []
    for kind, folder in folders.items():
        found = _records(folder)
        twice = [one.image for i, one in found.items() if i in records]
        wrong += [
            Problem("lists", f"{path}: a photograph of that name is in both lists; rename one")
            for path in twice[:20]
        ]
        lists[kind] = tuple(found)
        records |= found
    colours = {int(code, 16): value for code, value in labels.mask_colours().items()}
    masks = {i: record.mask for i, record in records.items()}
    tags, bad = tags_of_masks(root, masks, labels.names_by_value, workers, colours)
    wrong += bad
    if problems is None:
        refuse(wrong, f"masks of {root}")
    else:
        problems += wrong
    return Manifest(
        name=settings.name,
        classes=classes,
        lists=lists,
        list_names=names,
        images={
            i: replace(record, tags=tuple(one for one in classes if one in tags.get(i, ())))
            for i, record in records.items()
        },
        ground_truth=f"masks of {root}" if any(masks.values()) else None,
        mask_values=labels.mask_values(classes),
        mask_colours=labels.mask_colours(),
    )


def _label_map(root: Path, folders: list[Path]) -> LabelMap:
    """The one label map of the lists' folders, or the root's."""
    found = [labels for folder in folders if (labels := find_label_map(folder, root))]
    if not found:
        raise ContaError(
            f"{folders[0]}: no label map; expected _classes.csv, labelmap.txt, class_names.txt or "
            "obj_class_to_machine_color.json there or in the folder above: without it nothing says "
            "what the masks' numbers mean"
        )
    for other in found[1:]:
        if other.names_by_value != found[0].names_by_value:
            raise ContaError(
                f"{other.path}: names the classes {', '.join(other.classes)}, but {found[0].path} "
                f"{', '.join(found[0].classes)}; expected the same in the same order: export the "
                "lists together"
            )
    return found[0]


def _records(folder: Path) -> dict[str, ImageRecord]:
    """A list's photographs with their masks, by id."""
    photographs = _listed(folder, _PHOTOGRAPHS)
    masks = _listed(folder, _MASKS)
    beside = photographs.folder == masks.folder
    records = {}
    for name in sorted(photographs.paths):
        path = photographs.find(name, PHOTOGRAPHS)
        if path is None or (beside and name.endswith(_SUFFIXES[0]) and path.endswith(MASKS)):
            continue
        image_id = image_id_of(name, str(folder))
        suffixes = _SUFFIXES[:1] if beside else _SUFFIXES
        found = [masks.find(f"{name}{suffix}", MASKS) for suffix in suffixes]
        # Supervisely keeps the photograph's ending in the mask's name
        found.append(None if beside else masks.find(Path(path).name, MASKS))
        records[image_id] = ImageRecord(
            id=image_id,
            image=path,
            height=0,
            width=0,
            tags=(),
            mask=next(filter(None, found), None),
            name=None if name == image_id else name,
        )
    return records


def _listed(folder: Path, names: tuple[str, ...]) -> FolderFiles:
    """The first of the folders that is there."""
    return list_files(next((folder / one for one in names if (folder / one).is_dir()), folder))
