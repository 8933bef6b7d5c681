"""Predictions in the layout that VOC's evaluation server takes.

The server scores lists whose masks are not public (VOC 2012's test): its development kit
asks for ``results/VOC2012/Segmentation/<competition>_test_cls/<id>.png``, label indices in
the VOC palette, each of its image's size.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from conta_core.data.image_ids import check_image_id
from conta_core.data.manifest import Manifest
from conta_core.data.readers.voc import VOC_CLASSES
from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png
from conta_core.networks.segmentation_output import upsample_logits
from conta_core.runtime.progress import track
from conta_core.storage.atomic import replace_folder_when_done
from conta_core.storage.stores.reader import StoreReader

LOGGER = logging.getLogger(__name__)

#: image id and upsampled logits, float32 (n + 1, H, W), to labels, uint8 (H, W)
Labelling = Callable[[str, np.ndarray], np.ndarray]


def strongest(_: str, logits: np.ndarray) -> np.ndarray:
    """The label of the largest logit of each pixel: uint8 (H, W)."""
    return logits.argmax(axis=0).astype(np.uint8)


def export_voc_results(
    logits: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    competition: str = "comp6",
    labelling: Labelling = strongest,
    manifest: Manifest | None = None,
) -> Path:
    """Write one PNG an image of a store of logits, whole or not at all.

    Args:
        logits: path of logits.h5, of a network for VOC's classes or some of them; they keep
            VOC's pixel values. 255 is never written.
        folder: where ``results/`` is made; what it holds of this competition is replaced.
        competition: comp6 (trained on more than VOC's own segmentations, as every weakly
            supervised network is) or comp5.
        labelling: from logits to labels; the strongest, or after a CRF.
        manifest: of the run, which knows the images' own sizes where stages read them smaller;
            None: the sizes of the store.

    Returns:
        The folder of the PNG files.

    Raises:
        ContaError: the store is broken, empty, or of classes that VOC does not have.
    """
    target = Path(folder, "results", "VOC2012", "Segmentation", f"{competition}_test_cls")
    with StoreReader(logits, "logits") as store:
        others = [name for name in store.classes if name not in VOC_CLASSES]
        if others:
            raise ContaError(
                f"{logits}: predicts the classes {', '.join(others)}, which VOC does not have; "
                "the server takes predictions of VOC's twenty classes"
            )
        ids = [check_image_id(image_id, str(logits)) for image_id in store.image_ids]
        if not ids:
            raise ContaError(f"{logits}: holds no image; name the test list in dataset.lists.val")
        values = np.array([0, *(VOC_CLASSES.index(c) + 1 for c in store.classes)], dtype=np.uint8)
        with replace_folder_when_done(target) as temporary:
            for image_id in track(ids, len(ids), "predictions for the server", LOGGER):
                full = upsample_logits(store.read(image_id, "logits"), store.size(image_id))
                labels = labelling(image_id, full)
                if manifest is not None and image_id in manifest.images:
                    labels = manifest.images[image_id].at_own_size(labels)
                write_label_png(temporary / f"{image_id}.png", values[labels])
    return target
