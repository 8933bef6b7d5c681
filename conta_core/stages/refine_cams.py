"""Refine the CAMs of a round by the random walk (IRNet, section 4)."""

from __future__ import annotations

import numpy as np
import torch

from conta_core.data.images import read_image
from conta_core.data.manifest import Manifest
from conta_core.networks.irn import build_irn
from conta_core.networks.loading import load_network
from conta_core.refinement.edges import predict_edge
from conta_core.refinement.random_walk import random_walk
from conta_core.runtime.device import configure_images_at_once, select_device
from conta_core.runtime.threads import map_in_threads
from conta_core.settings import WalkSettings
from conta_core.stages.image_by_image import Arrays, PartOutput, make_part
from conta_core.storage.stores.reader import StoreReader


def refine_cams(
    *,
    manifest: str,
    model: str,
    cams: str,
    output: PartOutput,
    settings: WalkSettings,
    threads: int,
    inference_pad: int | None = None,
) -> None:
    """Write a part of the refined CAMs of the training list.

    Args:
        manifest: path of dataset.json.
        model: path of the IRN.
        cams: path of cams.h5.
        output: the part of refined.h5 that this job writes.
        settings: of the walk.
        threads: CPU threads.
        inference_pad: see :func:`~conta_core.refinement.edges.predict_edge_and_displacement`.
    """
    at_once = configure_images_at_once(threads)
    data = Manifest.load(manifest)
    ids = data.ids("train")
    network = load_network(model, "irn", build_irn, data.classes).to(select_device())
    with StoreReader(cams, "cams", ids, data.classes) as source:

        def refined_of(image_id: str) -> Arrays:
            refined = cam = source.read(image_id, "cam")
            if len(cam):
                image = read_image(data.images[image_id].image)
                edge = predict_edge(network, image, inference_pad)
                maps = torch.from_numpy(cam).to(edge.device)
                walked = random_walk(
                    maps, edge, radius=settings.radius, beta=settings.beta, steps=settings.steps
                )
                refined = walked.cpu().numpy().astype(np.float32)
            return {"keys": source.read(image_id, "keys"), "refined": refined}

        make_part(
            lambda missing: map_in_threads(refined_of, missing, at_once, ahead=1),
            output=output,
            kind="refined",
            data=data,
            ids=ids,
            settings={**settings.model_dump(), "inference_pad": inference_pad},
            stage=refine_cams,
            inputs=[manifest, model, cams],
            what="random walk",
        )
