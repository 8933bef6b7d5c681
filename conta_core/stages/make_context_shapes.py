"""Stage make_context_shapes: the synthetic data set, made on the spot."""

from __future__ import annotations

from conta_core.data.synthetic.context_shapes import make_context_shapes as make
from conta_core.settings import DatasetSettings
from conta_core.storage.atomic import replace_folder_when_done


def make_context_shapes(*, settings: DatasetSettings, seed: int, output: str) -> None:
    """Make context-shapes, the whole folder or nothing.

    Args:
        settings: images, size and confounding of it.
        seed: of every draw.
        output: folder to write, in the layout of a VOC devkit.
    """
    with replace_folder_when_done(output) as folder:
        make(
            folder,
            images=settings.images,
            size=settings.size,
            confounding=settings.confounding,
            seed=seed,
        )
