from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.networks.irn import DisplacementHead, EdgeHead, Irn, build_irn

SIZES = [(64, 64), (65, 97), (50, 37), (33, 34)]
RESNET50 = ((64, 256, 512, 1024, 2048), (4, 4, 8, 16, 16))


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("backbone", "output_stride"),
    [
        ("resnet18", 8),
        ("resnet18", 16),
        ("resnet18", 32),
        ("efficientnet_lite0", 8),
        ("efficientnet_lite0", 32),
        ("efficientnet_lite0_stage5", 8),
    ],
)
@torch.no_grad()
def test_output_covers_the_image(backbone: str, output_stride: int) -> None:
    net = Irn(backbone, "none", output_stride).eval()
    for height, width in SIZES:
        edge, displacement = net(draw(2, 3, height, width))
        grid = (-(-height // 4), -(-width // 4))
        assert edge.shape == (2, 1, *grid)
        assert displacement.shape == (2, 2, *grid)


def test_backbone_is_frozen() -> None:
    net = Irn("resnet18", "none", 16).train()
    assert not any(parameter.requires_grad for parameter in net.backbone.parameters())
    before = {key: value.clone() for key, value in net.backbone.state_dict().items()}
    images = draw(2, 3, 40, 40).requires_grad_()
    assert not any(tap.requires_grad for tap in net.taps(images))
    edge, displacement = net(images)
    (edge.sum() + displacement.abs().sum()).backward()
    assert images.grad is None
    assert all(parameter.grad is None for parameter in net.backbone.parameters())
    for head in (net.edge, net.displacement):
        for name, parameter in head.named_parameters():
            assert parameter.grad is not None, name
    for key, value in net.backbone.state_dict().items():
        assert torch.equal(value, before[key]), key


@torch.no_grad()
@pytest.mark.parametrize("size", [(42, 70), (56, 42), (65, 97), (14, 14)])
def test_cells_that_a_patch_does_not_fill(size: tuple[int, int]) -> None:
    """A patch of 14 pixels is 3.5 cells of the grid."""
    net = Irn("timm:eva02_tiny_patch14_224", "none", 16).train()
    edge, displacement = net(draw(1, 3, *size))
    grid = (-(-size[0] // 4), -(-size[1] // 4))
    assert edge.shape == (1, 1, *grid)
    assert displacement.shape == (1, 2, *grid)


@torch.no_grad()
def test_mean_displacement_is_subtracted_in_evaluation_only() -> None:
    net = Irn("resnet18", "none", 16).train()
    images = draw(1, 3, 32, 48)
    edge, displacement = net(images)
    net.mean_displacement.copy_(torch.tensor([1.5, -2.0]))
    assert torch.equal(net(images)[1], displacement)
    net.eval()
    torch.testing.assert_close(net(images)[1][:, 0], displacement[:, 0] - 1.5)
    torch.testing.assert_close(net(images)[1][:, 1], displacement[:, 1] + 2.0)
    torch.testing.assert_close(net(images)[0], edge)
    assert "mean_displacement" in net.state_dict()


def conv_norm(branch: nn.Sequential, groups: int, features: Tensor) -> Tensor:
    """A 1x1 convolution without bias and a group norm, written out."""
    convolution, norm = branch
    assert convolution.bias is None
    x = torch.einsum("oc,bchw->bohw", convolution.weight[:, :, 0, 0], features)
    b, c, h, w = x.shape
    grouped = x.reshape(b, groups, -1)
    mean = grouped.mean(-1, keepdim=True)
    variance = grouped.var(-1, keepdim=True, unbiased=False)
    x = ((grouped - mean) / torch.sqrt(variance + 1e-5)).reshape(b, c, h, w)
    return x * norm.weight.view(1, -1, 1, 1) + norm.bias.view(1, -1, 1, 1)


def enlarge(x: Tensor, factor: int) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def taps_of(height: int, width: int) -> list[Tensor]:
    return [
        draw(1, channels, -(-height // stride), -(-width // stride), seed=channels)
        for channels, stride in zip(*RESNET50, strict=True)
    ]


@pytest.mark.parametrize(("height", "width"), SIZES)
@torch.no_grad()
def test_edge_head_as_published(height: int, width: int) -> None:
    torch.manual_seed(0)
    head = EdgeHead(*RESNET50)
    taps = taps_of(height, width)
    grid = taps[1].shape[-2:]
    maps = []
    for branch, tap, factor in zip(head.branches, taps, (1, 1, 2, 4, 4), strict=True):
        x = conv_norm(branch, 4, tap)
        x = x if factor == 1 else enlarge(x, factor)
        maps.append(F.relu(x)[..., : grid[0], : grid[1]])
        assert x.shape[1] == 32
    expected = F.conv2d(torch.cat(maps, 1), head.join.weight, head.join.bias)
    torch.testing.assert_close(head(taps, tuple(grid)), expected, atol=1e-5, rtol=1e-4)
    # 160 inputs of the last layer, one output, with a bias
    assert head.join.weight.shape == (1, 160, 1, 1)


@pytest.mark.parametrize(("height", "width"), SIZES)
@torch.no_grad()
def test_displacement_head_as_published(height: int, width: int) -> None:
    torch.manual_seed(0)
    head = DisplacementHead(*RESNET50)
    taps = taps_of(height, width)
    fine, coarse = taps[1].shape[-2:], taps[2].shape[-2:]
    d1 = F.relu(conv_norm(head.branches[0], 8, taps[0]))
    d2 = F.relu(conv_norm(head.branches[1], 16, taps[1]))
    d3 = F.relu(conv_norm(head.branches[2], 16, taps[2]))
    d4 = F.relu(enlarge(conv_norm(head.branches[3], 16, taps[3]), 2))[..., : coarse[0], : coarse[1]]
    d5 = F.relu(enlarge(conv_norm(head.branches[4], 16, taps[4]), 2))[..., : coarse[0], : coarse[1]]
    joined = enlarge(conv_norm(head.join_coarse, 16, torch.cat([d3, d4, d5], 1)), 2)
    joined = F.relu(joined)[..., : fine[0], : fine[1]]
    last = F.relu(conv_norm(head.join[0], 16, torch.cat([d1, d2, joined], 1)))
    expected = F.conv2d(last, head.join[2].weight)
    assert [x.shape[1] for x in (d1, d2, d3, d4, d5, joined)] == [64, 128, 256, 256, 256, 256]
    torch.testing.assert_close(head(taps, tuple(fine)), expected, atol=1e-4, rtol=1e-3)


def test_weights_hang_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one = Irn("resnet18", "none", 16, seed=4).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    other = build_irn(
        9, {"backbone": "resnet18", "weights": "none", "output_stride": 16, "seed": 4}
    ).state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)
