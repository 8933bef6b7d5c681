from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.networks.segmenters.deeplab_v2 import Aspp, DeepLab
from conta_core.networks.segmenters.files import build_segmentation

ARCHITECTURE = {
    "backbone": "resnet18",
    "weights": "none",
    "output_stride": 8,
    "aspp_rates": [2, 4, 6],
    "scales": [0.5, 0.75],
    "seed": 2,
}


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def net() -> DeepLab:
    net = build_segmentation(3, ARCHITECTURE)
    # logits near 1, so that each scale wins somewhere
    for branch in net.aspp.branches:
        nn.init.normal_(branch.weight, std=0.1, generator=torch.Generator().manual_seed(1))
    return net


def one_scale(net: DeepLab, images: Tensor, scale: float) -> Tensor:
    if scale != 1:
        images = F.interpolate(images, scale_factor=scale, mode="bilinear", align_corners=False)
    features = images
    for block in net.backbone.blocks:
        features = block(features)
    return sum(branch(features) for branch in net.aspp.branches)


@pytest.mark.parametrize("size", [(64, 64), (65, 50), (40, 33)])
@torch.no_grad()
def test_evaluation_is_the_maximum_over_scales(net: DeepLab, size: tuple[int, int]) -> None:
    net.eval()
    images = draw(2, 3, *size)
    parts = [one_scale(net, images, scale) for scale in (1, 0.5, 0.75)]
    grid = parts[0].shape[-2:]
    resized = [F.interpolate(p, grid, mode="bilinear", align_corners=False) for p in parts]
    expected = torch.stack(resized).amax(0)
    found = net(images)
    assert found.shape == (2, 4, -(-size[0] // 8), -(-size[1] // 8))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert all(not torch.allclose(found, part, atol=1e-3) for part in resized)


@torch.no_grad()
def test_training_gives_every_scale_at_its_own_size(net: DeepLab) -> None:
    net.train()
    images = draw(1, 3, 64, 96)
    outputs = net(images)
    assert [tuple(x.shape) for x in outputs] == [
        (1, 4, 8, 12),
        (1, 4, 4, 6),
        (1, 4, 6, 9),
        (1, 4, 8, 12),
    ]
    for found, scale in zip(outputs, (1, 0.5, 0.75), strict=False):
        torch.testing.assert_close(found, one_scale(net, images, scale), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(outputs[-1], net.eval()(images))


@torch.no_grad()
def test_without_further_scales() -> None:
    net = build_segmentation(2, {**ARCHITECTURE, "scales": []}).eval()
    images = draw(1, 3, 40, 40)
    torch.testing.assert_close(net(images), one_scale(net, images, 1))


@torch.no_grad()
def test_aspp_is_a_sum_of_dilated_convolutions() -> None:
    torch.manual_seed(0)
    aspp = Aspp(6, 4, (1, 3, 5))
    for branch in aspp.branches:
        nn.init.normal_(branch.bias)
    features = draw(2, 6, 9, 11)
    expected = torch.zeros(2, 4, 9, 11)
    for branch, rate in zip(aspp.branches, (1, 3, 5), strict=True):
        padded = F.pad(features, (rate,) * 4)
        for ky in range(3):
            for kx in range(3):
                part = padded[..., ky * rate : ky * rate + 9, kx * rate : kx * rate + 11]
                expected += torch.einsum("oc,bchw->bohw", branch.weight[:, :, ky, kx], part)
        expected += branch.bias.view(1, -1, 1, 1)
    torch.testing.assert_close(aspp(features), expected, atol=1e-5, rtol=1e-4)


def test_aspp_begins_small() -> None:
    torch.manual_seed(0)
    for branch in Aspp(256, 21, (6, 12)).branches:
        assert float(branch.weight.detach().std()) == pytest.approx(0.01, rel=0.05)
        assert not branch.bias.detach().any()


def test_weights_hang_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one = build_segmentation(3, ARCHITECTURE).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(9)
    other = build_segmentation(3, ARCHITECTURE).state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)
