"""One manifest from the settings of any data set; its files are not checked yet."""

from __future__ import annotations

from conta_core.data.manifest import Manifest
from conta_core.data.problems import Problem
from conta_core.data.readers.coco import read_coco
from conta_core.data.readers.folder import read_folder
from conta_core.data.readers.voc import read_voc
from conta_core.errors import ContaError
from conta_core.settings import DatasetSettings


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
    if settings.format == "coco":
        return read_coco(settings, made)
    if settings.format == "folder":
        return read_folder(settings)
    if settings.format == "context-shapes" and made is None:
        raise ContaError("context-shapes is made before it is read; run make_context_shapes")
    return read_voc(settings, made, workers=workers, problems=problems)
