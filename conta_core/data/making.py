"""What a stage makes before a data set can be read, for those who read it without the workflow."""

from __future__ import annotations

from pathlib import Path

from conta_core.data.readers.coco import write_coco_masks
from conta_core.data.synthetic.context_shapes import make_context_shapes
from conta_core.settings import DatasetSettings


def make_what_is_missing(settings: DatasetSettings, folder: Path, seed: int = 0) -> str | None:
    """Make context-shapes, or COCO's masks; of voc and folder nothing.

    Args:
        settings: which data set.
        folder: to write; must not exist.
        seed: of context-shapes.

    Returns:
        ``made`` of :func:`~conta_core.data.reading.read_dataset`.

    Raises:
        ContaError: COCO's annotations are missing or malformed.
    """
    if settings.format == "context-shapes":
        make_context_shapes(
            folder,
            images=settings.images,
            size=settings.size,
            confounding=settings.confounding,
            seed=seed,
        )
    elif settings.format == "coco":
        write_coco_masks(settings, folder)
    else:
        return None
    return str(folder)
