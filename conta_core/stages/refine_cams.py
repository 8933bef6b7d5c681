"""Refine the CAMs of a round by the random walk (IRNet, section 4)."""

from __future__ import annotations

import logging

import numpy as np
import torch

from conta_core.device import configure_threads, select_device
from conta_core.edges import predict_edge
from conta_core.images import read_image
from conta_core.manifest import Manifest
from conta_core.memory import releasing
from conta_core.networks.irn import build_irn
from conta_core.networks.loading import load_network
from conta_core.progress import track
from conta_core.random_walk import random_walk
from conta_core.settings import WalkSettings
from conta_core.stores import StoreReader, write_store

LOGGER = logging.getLogger(__name__)


def refine_cams(
    *,
    manifest: str,
    model: str,
    cams: str,
    output: str,
    settings: WalkSettings,
    run: str,
    round_index: int,
    threads: int,
    inference_pad: int | None = None,
) -> None:
    """Write the refined CAMs of the training list.

    Args:
        manifest: path of dataset.json.
        model: path of the IRN.
        cams: path of cams.h5.
        output: path of refined.h5.
        settings: of the walk.
        run: name of the run.
        round_index: the round.
        threads: CPU threads.
        inference_pad: see :func:`~conta_core.edges.predict_edge_and_displacement`.
    """
    configure_threads(threads)
    data = Manifest.load(manifest)
    ids = data.ids("train")
    network = load_network(model, "irn", build_irn, data.classes).to(select_device())
    with (
        StoreReader(cams, "cams", ids, data.classes) as source,
        write_store(
            output,
            "refined",
            classes=data.classes,
            run=run,
            round_index=round_index,
            settings=settings.model_dump(),
        ) as store,
    ):
        for image_id in releasing(track(ids, len(ids), "random walk", LOGGER)):
            record = data.images[image_id]
            cam = source.read(image_id, "cam")
            refined = cam
            if len(cam):
                edge = predict_edge(network, read_image(record.image), inference_pad)
                maps = torch.from_numpy(cam).to(edge.device)
                walked = random_walk(
                    maps, edge, radius=settings.radius, beta=settings.beta, steps=settings.steps
                )
                refined = walked.cpu().numpy().astype(np.float32)
            arrays = {"keys": source.read(image_id, "keys"), "refined": refined}
            store.write(image_id, arrays, size=record.size)
