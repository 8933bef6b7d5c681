"""Edges and displacements of whole images (IRNet, section 4), from an image and its flip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.networks.irn import GRID_STRIDE, Irn

ALIGN = 16


@torch.no_grad()
def predict_edge_and_displacement(
    network: Irn, image: np.ndarray, pad: int | None = None
) -> tuple[Tensor, Tensor]:
    """Probability of an edge, and the displacement, on the stride-4 grid.

    What lies beside the image matters to all of it, since the heads' group norms take their
    statistics over the whole map. Zeros, after the normalisation, are added at right and bottom:

    * ``pad`` given, as IRNet does it (512): the image and its flip, each up to ``pad`` pixels.
      A side that is longer stays as it is, where IRNet cuts it off without a word. Where the
      width is no multiple of 4, the flip's grid lies up to three pixels beside the image's.
    * ``pad`` None: up to a multiple of 16 or of the output stride; the padded image is
      flipped, so that both grids are the same.

    Args:
        network: in evaluation mode.
        image: uint8 (H, W, 3), RGB.
        pad: height and width to pad to, pixels; None: no more than the grids need.

    Returns:
        float32 (ceil(H/4), ceil(W/4)), 0..1, the sigmoid of the mean of both edge logits; and
        float32 (2, ceil(H/4), ceil(W/4)), the image's own displacement in cells, y first, less
        the network's mean.
    """
    return edge_and_displacement(network, _normalised(network, image), pad)


@torch.no_grad()
def predict_edge(network: Irn, image: np.ndarray, pad: int | None = None) -> Tensor:
    """The edge alone of :func:`predict_edge_and_displacement`, in two thirds of its time."""
    normalised = _normalised(network, image)
    edges = network.edges(_with_flip(network, normalised, pad))
    return _mean_edge(edges, normalised.shape[-2:], pad)


@torch.no_grad()
def edge_and_displacement(
    network: Irn, image: Tensor, pad: int | None = None
) -> tuple[Tensor, Tensor]:
    """As :func:`predict_edge_and_displacement`, of a normalised image (1, 3, H, W)."""
    edges, displacements = network(_with_flip(network, image, pad))
    edge = _mean_edge(edges, image.shape[-2:], pad)
    return edge, displacements[0, :, : edge.shape[0], : edge.shape[1]]


def _normalised(network: Irn, image: np.ndarray) -> Tensor:
    """The network's input, (1, 3, H, W)."""
    device = next(network.parameters()).device
    tensor = torch.from_numpy(image.transpose(2, 0, 1).copy())[None].to(device)
    return network.backbone.normalise(tensor)


def _with_flip(network: Irn, image: Tensor, pad: int | None) -> Tensor:
    """The padded image and its flip, (2, 3, H', W')."""
    height, width = image.shape[-2:]
    if pad is None:
        multiple = max(ALIGN, network.backbone.strides[-1])
        padded = F.pad(image, (0, -width % multiple, 0, -height % multiple))
        return torch.cat([padded, padded.flip(-1)])
    both = torch.cat([image, image.flip(-1)])
    return F.pad(both, (0, max(0, pad - width), 0, max(0, pad - height)))


def _mean_edge(edges: Tensor, size: Sequence[int], pad: int | None) -> Tensor:
    """The sigmoid of the mean of both edge logits (2, 1, h', w'), on the image's grid."""
    rows, columns = (-(-side // GRID_STRIDE) for side in size)
    if pad is None:
        flipped = edges[1, 0].flip(-1)[:rows, :columns]
    else:
        flipped = edges[1, 0, :rows, :columns].flip(-1)
    return torch.sigmoid((edges[0, 0, :rows, :columns] + flipped) / 2)
