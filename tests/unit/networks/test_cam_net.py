from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.networks.cam_net import CamNet, build_cam_net


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [(64, 64), (50, 37)])
@torch.no_grad()
def test_logits_are_the_mean_of_the_maps(size: tuple[int, int]) -> None:
    """Pooling and the linear layer commute."""
    net = CamNet(5, "resnet18", "none", 16).eval()
    images = draw(2, 3, *size)
    features = net.backbone(images)[-1]
    weight = net.classifier.weight
    assert weight.shape == (5, 512, 1, 1)
    assert net.classifier.bias is None
    maps = torch.einsum("nc,bchw->bnhw", weight[:, :, 0, 0], features)
    assert maps.shape[-2:] == (-(-size[0] // 16), -(-size[1] // 16))
    torch.testing.assert_close(net.classify(features), maps.mean((2, 3)), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(net(images), maps.mean((2, 3)), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(net.activation_maps(images), F.relu(maps), atol=1e-4, rtol=1e-4)
    assert float(net.activation_maps(images).min()) == 0.0 > float(maps.min())


@torch.no_grad()
def test_context_goes_through() -> None:
    net = CamNet(2, "resnet18", "none", 16, context_block=5).eval()
    images, context = draw(2, 3, 32, 48), draw(2, 1, 4, 4, seed=1)
    features = net.backbone(images, context)[-1]
    assert torch.equal(net(images, context), net.classify(features))
    assert not torch.allclose(net(images, context), net(images, torch.zeros_like(context)))
    maps = net.activation_maps(images, context)
    assert torch.equal(maps, F.relu(net.classifier(features)))
    with pytest.raises(ValueError, match="reads a context"):
        net(images)


def test_weights_hang_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = CamNet(2, "resnet18", "none", 16, seed=4).state_dict()
    state = torch.random.get_rng_state()
    torch.manual_seed(2)
    other = CamNet(2, "resnet18", "none", 16, seed=4).state_dict()
    third = CamNet(2, "resnet18", "none", 16, seed=5).state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert not torch.equal(one["classifier.weight"], third["classifier.weight"])
    assert not torch.equal(one["backbone.blocks.0.0.weight"], third["backbone.blocks.0.0.weight"])
    torch.manual_seed(1)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_head_begins_small() -> None:
    weight = CamNet(20, "resnet18", "none", 16).classifier.weight.detach()
    assert float(weight.std()) == pytest.approx(0.01, rel=0.05)
    assert abs(float(weight.mean())) < 1e-3


def test_built_from_its_file_without_a_download() -> None:
    architecture = {
        "backbone": "efficientnet_lite0",
        "weights": "imagenet",
        "output_stride": 8,
        "context_block": 5,
        "seed": 3,
    }
    net = build_cam_net(3, architecture)
    assert net.reads_context
    assert net.classifier.weight.shape == (3, 1280, 1, 1)
    fresh = CamNet(3, **{**architecture, "weights": "none"})
    assert torch.equal(net.backbone.blocks[0][0].weight, fresh.backbone.blocks[0][0].weight)
