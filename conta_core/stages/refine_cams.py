"""Refine the CAMs of a round by the random walk (IRNet, section 4)."""

from __future__ import annotations

import logging

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.device import configure_threads, select_device
from conta_core.images import read_image
from conta_core.manifest import Manifest
from conta_core.networks.irn import GRID_STRIDE, Irn, build_irn
from conta_core.networks.loading import load_network
from conta_core.progress import track
from conta_core.random_walk import random_walk
from conta_core.settings import WalkSettings
from conta_core.stores import StoreReader, write_store

LOGGER = logging.getLogger(__name__)
PAD_TO = 16


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
        for image_id in track(ids, len(ids), "random walk", LOGGER):
            record = data.images[image_id]
            cam = source.read(image_id, "cam")
            refined = cam
            if len(cam):
                edge = predict_edge(network, read_image(record.image))
                maps = torch.from_numpy(cam).to(edge.device)
                walked = random_walk(
                    maps, edge, radius=settings.radius, beta=settings.beta, steps=settings.steps
                )
                refined = walked.cpu().numpy().astype(np.float32)
            arrays = {"keys": source.read(image_id, "keys"), "refined": refined}
            store.write(image_id, arrays, size=record.size)


@torch.no_grad()
def predict_edge(network: Irn, image: np.ndarray) -> Tensor:
    """Probability of an edge, from the image and its flip.

    The image is padded at right and bottom to a multiple of 16 or of the output stride, so
    that the flipped grid lies on the plain one (the ancestor pads to 512 x 512 and crops
    what is larger).

    Args:
        network: in evaluation mode.
        image: uint8 (H, W, 3).

    Returns:
        float (ceil(H/4), ceil(W/4)), 0..1: sigmoid of the mean of both logits.
    """
    device = next(network.parameters()).device
    height, width = image.shape[:2]
    tensor = torch.from_numpy(image.transpose(2, 0, 1).copy())[None].to(device)
    multiple = max(PAD_TO, network.backbone.strides[-1])
    padded = F.pad(
        network.backbone.normalise(tensor), (0, -width % multiple, 0, -height % multiple)
    )
    both = torch.cat([padded, padded.flip(-1)])
    logits, _ = network(both)
    edge = torch.sigmoid((logits[0, 0] + logits[1, 0].flip(-1)) / 2)
    return edge[: -(-height // GRID_STRIDE), : -(-width // GRID_STRIDE)]
