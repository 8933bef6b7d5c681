"""Extract the CAMs of a round."""

from __future__ import annotations

import logging

from conta_core.cams import extract
from conta_core.context_maps import ContextMaps
from conta_core.device import configure_threads, select_device
from conta_core.images import read_image
from conta_core.manifest import Manifest
from conta_core.memory import releasing
from conta_core.networks.cam_net import build_cam_net
from conta_core.networks.loading import load_network
from conta_core.progress import track
from conta_core.stores import write_store

LOGGER = logging.getLogger(__name__)


def extract_cams(
    *,
    manifest: str,
    model: str,
    context: str | None,
    output: str,
    scales: tuple[float, ...],
    scaling: str,
    run: str,
    round_index: int,
    threads: int,
) -> None:
    """Write the CAMs of the training list, and of the validation list with its own tags.

    Args:
        manifest: path of dataset.json.
        model: path of the CAM net.
        context: path of the context.h5 that the net was trained with, or None.
        output: path of cams.h5.
        scales: of the images.
        scaling: of M, as in training.
        run: name of the run.
        round_index: the round.
        threads: CPU threads.
    """
    configure_threads(threads)
    data = Manifest.load(manifest)
    network = load_network(model, "cam", build_cam_net, data.classes).to(select_device())
    ids = data.ids("train", "val")
    maps = ContextMaps(context, scaling, ids, data.classes) if context else None
    settings = {"scales": list(scales), "context": scaling if maps else None}
    with write_store(
        output, "cams", classes=data.classes, run=run, round_index=round_index, settings=settings
    ) as store:
        for image_id in releasing(track(ids, len(ids), "CAMs", LOGGER)):
            record = data.images[image_id]
            keys = data.tag_indices(image_id)
            cams = extract(
                network,
                read_image(record.image),
                keys,
                scales,
                maps[image_id] if maps else None,
            )
            arrays = {
                "keys": keys,
                "cam": cams.cam,
                "high_res": cams.high_res,
                "probability": cams.probability,
            }
            store.write(image_id, arrays, size=record.size)
