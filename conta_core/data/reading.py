"""One manifest from the settings of any data set; its files are not checked yet."""

from __future__ import annotations

from collections.abc import Callable

from conta_core.data.manifest import Manifest
from conta_core.data.problems import Problem
from conta_core.data.readers.coco import read_coco
from conta_core.data.readers.folder import read_folder
from conta_core.data.readers.voc import read_voc
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


#: dataset.format -> what reads it
READERS: Registry[Reader] = Registry(
    "dataset.format",
    {
        "context-shapes": _read_devkit,
        "voc": _read_devkit,
        "coco": lambda settings, made, workers, problems: read_coco(settings, made),
        "folder": lambda settings, made, workers, problems: read_folder(settings),
    },
)


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
