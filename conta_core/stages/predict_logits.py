"""Predict the validation list with the segmentation model of a round."""

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
from conta_core.stores import write_store

LOGGER = logging.getLogger(__name__)


def predict_logits(
    *, manifest: str, model: str, output: str, run: str, round_index: int, threads: int
) -> None:
    """Write the logits of every validation image; the evaluation and its CRF read them.

    Args:
        manifest: path of dataset.json.
        model: path of the segmentation model.
        output: path of logits.h5.
        run: name of the run.
        round_index: the round.
        threads: CPU threads.
    """
    configure_threads(threads)
    data = Manifest.load(manifest)
    network = load_network(model, "deeplab", build_deeplab, data.classes).to(select_device())
    ids = data.ids("val")
    with write_store(
        output, "logits", classes=data.classes, run=run, round_index=round_index, settings={}
    ) as store:
        for image_id in releasing(track(ids, len(ids), "logits", LOGGER)):
            record = data.images[image_id]
            logits = predict(network, read_image(record.image))
            store.write(image_id, {"logits": logits}, size=record.size)
