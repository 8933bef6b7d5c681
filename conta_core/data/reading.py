"""One manifest from the settings of any data set; its files are not checked yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from conta_core.data.manifest import Manifest
from conta_core.data.problems import Problem
from conta_core.data.readers.coco import read_coco
from conta_core.data.readers.coco_files import annotation_file
from conta_core.data.readers.folder import read_folder
from conta_core.data.readers.label_maps import label_map_paths
from conta_core.data.readers.mask_folders import read_mask_folders
from conta_core.data.readers.voc import read_voc
from conta_core.data.readers.voc_lists import has_lists, list_path
from conta_core.errors import ContaError
from conta_core.runtime.registry import Registry
from conta_core.settings import DatasetSettings

#: takes the settings, the folder that was made, processes, and the list of problems
Reader = Callable[[DatasetSettings, str | None, int, list[Problem] | None], Manifest]


def _read_devkit(
    settings: DatasetSettings, made: str | None, workers: int, problems: list[Problem] | None
) -> Manifest:
    if settings.format == "context-shapes" and made is None:
        raise ContaError("context-shapes is made before it is read; run make_context_shapes")
    return read_voc(settings, made, workers=workers, problems=problems)


def _read_folder(
    settings: DatasetSettings, made: str | None, workers: int, problems: list[Problem] | None
) -> Manifest:
    if settings.tags == "masks" and not (Path(settings.root or ".") / "tags.csv").is_file():
        return read_mask_folders(settings, workers=workers, problems=problems)
    return read_folder(settings)


#: dataset.format -> what reads it
READERS: Registry[Reader] = Registry(
    "dataset.format",
    {
        "context-shapes": _read_devkit,
        "voc": _read_devkit,
        "coco": lambda settings, made, workers, problems: read_coco(settings, made),
        "folder": _read_folder,
    },
)


def files_to_watch(settings: DatasetSettings) -> list[str]:
    """The lists, tables, label maps and annotations that a user may edit.

    Returns:
        Paths of files that are there, and of those that must be.
    """
    root = Path(settings.root or ".")
    names = [settings.lists.train, settings.lists.val]
    if settings.format == "coco":
        return [str(annotation_file(root, name)) for name in dict.fromkeys(names)]
    if settings.format == "voc":
        labels = label_map_paths(root)
        lists = [list_path(root, name) for name in names]
        without = labels and not has_lists(root)
        return [str(path) for path in (*labels, *(() if without else lists))]
    if settings.format == "folder":
        table = root / "tags.csv"
        if settings.tags == "masks" and not table.is_file():
            folders = [*(root / name for name in names), root]
            return [str(path) for folder in folders for path in label_map_paths(folder)]
        labels = [*label_map_paths(root), *label_map_paths(root / "masks")]
        return [str(path) for path in (table, *labels)]
    return []


def read_dataset(
    settings: DatasetSettings,
    made: str | None,
    workers: int = 1,
    problems: list[Problem] | None = None,
) -> Manifest:
    """Read lists and tags by the format of the data set.

    Args:
        settings: which data set.
        made: folder of make_context_shapes (context-shapes) or of make_coco_masks (coco; None:
            no ground truth); None for voc and folder.
        workers: processes that read masks for tags.
        problems: where to put what can be told beside other problems, instead of raising it.

    Returns:
        The manifest, with heights and widths of 0.

    Raises:
        ContaError: what keeps the lists or tags from being read.
    """
    return READERS[settings.format](settings, made, workers, problems)
