"""Predict X_m, the segmentation mask of every training image (CONTA, section 3.3, step 2)."""

from __future__ import annotations

import logging

from conta_core.device import configure_threads, select_device
from conta_core.images import read_image
from conta_core.manifest import Manifest
from conta_core.memory import releasing
from conta_core.networks.deeplab import build_deeplab
from conta_core.networks.loading import load_network
from conta_core.progress import track
from conta_core.segmentation import predict
from conta_core.segmentation_output import predicted_labels
from conta_core.stores import write_store

LOGGER = logging.getLogger(__name__)


def predict_train_masks(
    *, manifest: str, model: str, output: str, run: str, round_index: int, threads: int
) -> None:
    """Write X_m of every training image.

    Args:
        manifest: path of dataset.json.
        model: path of the segmentation model.
        output: path of train_masks.h5.
        run: name of the run.
        round_index: the round.
        threads: CPU threads.
    """
    configure_threads(threads)
    data = Manifest.load(manifest)
    network = load_network(model, "deeplab", build_deeplab, data.classes).to(select_device())
    ids = data.ids("train")
    with write_store(
        output, "train_masks", classes=data.classes, run=run, round_index=round_index, settings={}
    ) as store:
        for image_id in releasing(track(ids, len(ids), "training masks", LOGGER)):
            record = data.images[image_id]
            logits = predict(network, read_image(record.image))
            mask = predicted_labels(logits, record.size)
            store.write(image_id, {"mask": mask}, size=record.size)
