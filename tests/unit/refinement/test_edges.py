from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from conta_core.networks.irn import Irn
from conta_core.refinement.edges import (
    edge_and_displacement,
    predict_edge,
    predict_edge_and_displacement,
)

SIZES = [(48, 64), (50, 37), (64, 66)]


@pytest.fixture(scope="module")
def network() -> Irn:
    network = Irn("resnet18", "none", 16, seed=1).eval()
    network.mean_displacement.copy_(torch.tensor([0.5, -0.25]))
    return network


def draw(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("pad", [None, 64, 96])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_grid_is_the_image_s(network: Irn, height: int, width: int, pad: int | None) -> None:
    edge, displacement = predict_edge_and_displacement(network, draw(height, width), pad)
    grid = (-(-height // 4), -(-width // 4))
    assert edge.shape == grid
    assert displacement.shape == (2, *grid)
    assert 0 <= float(edge.min()) < float(edge.max()) <= 1
    assert torch.equal(predict_edge(network, draw(height, width), pad), edge)


@pytest.mark.parametrize("pad", [None, 96])
@torch.no_grad()
def test_zeros_stand_beside_the_normalised_image(network: Irn, pad: int | None) -> None:
    """The displacement is the unflipped image's, less the mean."""
    image = torch.from_numpy(draw(50, 37).transpose(2, 0, 1).copy())[None]
    normalised = network.backbone.normalise(image)
    side = (96, 96) if pad else (64, 48)
    padded = torch.zeros(1, 3, *side)
    padded[..., :50, :37] = normalised
    _, expected = network(padded)
    _, found = edge_and_displacement(network, normalised, pad)
    torch.testing.assert_close(found, expected[0, :, :13, :10], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_side_longer_than_the_padding_stays_whole(network: Irn) -> None:
    image = torch.randn(1, 3, 80, 48, generator=torch.Generator().manual_seed(0))
    edge, displacement = edge_and_displacement(network, image, 64)
    both = F.pad(torch.cat([image, image.flip(-1)]), (0, 16, 0, 0))
    edges, displacements = network(both)
    expected = (edges[0, 0, :, :12] + edges[1, 0, :, :12].flip(-1)) / 2
    torch.testing.assert_close(edge, torch.sigmoid(expected), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(displacement, displacements[0, ..., :12], atol=1e-5, rtol=1e-4)
