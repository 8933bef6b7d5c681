"""Stage index_dataset: what images, tags and lists there are, checked before any training."""

from __future__ import annotations

from conta_core.data.index import check_images
from conta_core.data.reading import read_dataset
from conta_core.settings import DatasetSettings


def index_dataset(
    *, settings: DatasetSettings, made: str | None, output: str, workers: int = 1
) -> None:
    """Read the data set, check every file of it and write the manifest.

    Args:
        settings: which data set.
        made: folder of make_context_shapes (context-shapes) or of make_coco_masks (coco; None:
            no ground truth); None for voc and folder.
        output: path of the manifest, dataset.json.
        workers: processes that read images.

    Raises:
        ContaError: one that lists what is wrong with the data set; nothing is written then.
    """
    manifest = read_dataset(settings, made, workers)
    checked = check_images(
        manifest,
        workers,
        allow_untagged=settings.allow_untagged,
        long_side=settings.longest,
        masks_are_made=made is not None,
    )
    checked.save(output)
