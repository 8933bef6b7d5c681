"""Stage make_coco_masks: ground-truth masks from COCO's instance annotations."""

from __future__ import annotations

from conta_core.data.readers.coco import write_coco_masks
from conta_core.settings import DatasetSettings


def make_coco_masks(*, settings: DatasetSettings, output: str) -> None:
    """Write a label PNG for every image of both lists, the whole folder or nothing.

    Args:
        settings: of format coco.
        output: folder to write, with ``<id>.png``.

    Raises:
        ContaError: an annotation file is missing or malformed.
    """
    write_coco_masks(settings, output)
