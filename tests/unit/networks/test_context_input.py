from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.networks.cam_net import CamNet
from conta_core.networks.registry import Backbone, build_backbone

#: a block and the convolutions that read its input
CASES = [
    ("resnet18", 2, ["0.conv1"]),
    ("resnet18", 3, ["0.conv1", "0.downsample.0"]),
    ("resnet18", 5, ["0.conv1", "0.downsample.0"]),
    ("resnet50", 2, ["0.conv1", "0.downsample.0"]),
    ("efficientnet_lite0", 2, ["0.conv_pw"]),
    ("efficientnet_lite0", 4, ["0.0.conv_pw"]),
    ("efficientnet_lite0", 5, ["0.0.conv_pw"]),
    ("efficientnet_lite0_stage5", 5, ["0.conv_pw"]),
    ("irnet_resnet50", 5, ["0.conv1", "0.downsample.0"]),
    ("deeplab_resnet101", 5, ["0.reduce.0", "0.shortcut.0"]),
]


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def build(name: str, blocks: list[int], channels: int = 1) -> Backbone:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone = build_backbone(name, "none", 8 if name == "deeplab_resnet101" else 16)
    backbone.add_context(blocks, torch.Generator().manual_seed(5), channels)
    return backbone.eval()


def widened(block: nn.Module, readers: list[str], weights: nn.ParameterList) -> nn.Module:
    """The block with literal convolutions over [x, M]."""
    block = copy.deepcopy(block)
    for name, weight in zip(readers, weights, strict=True):
        old = block.get_submodule(name)
        assert isinstance(old, nn.Conv2d)
        new = nn.Conv2d(
            old.in_channels + weight.shape[1],
            old.out_channels,
            old.kernel_size,
            old.stride,
            old.padding,
            old.dilation,
            bias=old.bias is not None,
        )
        new.weight.data = torch.cat([old.weight, weight], dim=1)
        parent, _, child = name.rpartition(".")
        setattr(block.get_submodule(parent), child, new)
    return block


@pytest.mark.parametrize(("name", "number", "readers"), CASES)
def test_the_convolutions_that_read_the_input(name: str, number: int, readers: list[str]) -> None:
    backbone = build(name, [number])
    reading = backbone.context_inputs[str(number)]
    block = backbone.blocks[number - 1]
    assert reading._readers == [block.get_submodule(reader) for reader in readers]
    for reader, weight in zip(readers, reading.weights, strict=True):
        kernel = backbone.blocks[number - 1].get_submodule(reader).weight
        assert weight.shape == (kernel.shape[0], 1, *kernel.shape[2:])
        assert 0.5 < float(weight.detach().std() / kernel.detach().std()) < 2


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("name", "number", "readers"), CASES[1:])
@torch.no_grad()
def test_a_literal_convolution_on_the_concatenation(
    name: str, number: int, readers: list[str], channels: int
) -> None:
    backbone = build(name, [number], channels)
    block, reading = backbone.blocks[number - 1], backbone.context_inputs[str(number)]
    features = draw(2, backbone.channels[number - 2], 9, 12)
    for size in ((9, 12), (4, 5), (20, 31)):
        context = draw(2, channels, *size, seed=1)
        resized = F.interpolate(context, (9, 12), mode="bilinear", align_corners=False)
        expected = widened(block, readers, reading.weights)(torch.cat([features, resized], 1))
        (found,) = reading(lambda x: [block(x)], features, context)
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
        assert not torch.allclose(found, block(features), atol=1e-3)


@torch.no_grad()
def test_a_block_with_an_identity_shortcut() -> None:
    """ResNet-18's second block adds its input itself: M goes into its convolution alone."""
    backbone = build("resnet18", [2])
    block, weight = backbone.blocks[1], backbone.context_inputs["2"].weights[0]
    features, context = draw(1, 64, 8, 8), draw(1, 1, 8, 8, seed=1)
    first = block[0]
    inner = F.conv2d(
        torch.cat([features, context], 1), torch.cat([first.conv1.weight, weight], 1), padding=1
    )
    inner = first.bn2(first.conv2(F.relu(first.bn1(inner))))
    expected = block[1](F.relu(inner + features))
    (found,) = backbone.context_inputs["2"](lambda x: [block(x)], features, context)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("number", [2, 3, 4, 5])
@torch.no_grad()
def test_every_block(number: int) -> None:
    backbone = build("resnet18", [number])
    images, context = draw(2, 3, 48, 48), draw(2, 1, 6, 6, seed=1)
    without = build("resnet18", [])
    without.load_state_dict(backbone.state_dict(), strict=False)
    outputs, plain = backbone(images, context), without(images)
    for k, (one, other) in enumerate(zip(outputs, plain, strict=True), start=1):
        assert torch.equal(one, other) == (k < number)
    with pytest.raises(ValueError, match=f"block {number} reads a context"):
        backbone(images)
    # only the blocks that read one need it
    assert len(backbone(images, last=number - 1)) == number - 1


@torch.no_grad()
def test_all_blocks() -> None:
    net = CamNet(3, "resnet18", "none", 16, "all", 0).eval()
    assert list(net.backbone.context_inputs) == ["2", "3", "4", "5"]
    assert net.reads_context
    images = draw(1, 3, 48, 48)
    base = net(images, torch.zeros(1, 1, 6, 6))
    assert not torch.allclose(net(images, torch.ones(1, 1, 6, 6)), base)


def test_nothing_else_moves() -> None:
    """With and without context: the same weights, statistics and random state."""
    for name in ("resnet18", "efficientnet_lite0"):
        torch.manual_seed(11)
        before = torch.random.get_rng_state()
        plain = CamNet(4, name, "none", 16, None, seed=7)
        assert not plain.reads_context
        for block, channels in ((2, 1), (5, 1), (5, 4), ("all", 1)):
            reading = CamNet(4, name, "none", 16, block, 7, channels)
            assert torch.equal(torch.random.get_rng_state(), before)
            found = reading.state_dict()
            for key, value in plain.state_dict().items():
                assert torch.equal(found.pop(key), value), (name, block, key)
            assert found
            assert all(key.startswith("backbone.context_inputs.") for key in found)


def test_context_weights_hang_on_the_seed_alone() -> None:
    def weights(seed: int) -> Tensor:
        torch.rand(3)
        return CamNet(2, "resnet18", "none", 16, 5, seed).backbone.context_inputs["5"].weights[0]

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@torch.no_grad()
def test_zero_context_changes_nothing() -> None:
    reading = CamNet(2, "resnet18", "none", 16, "all", seed=1).eval()
    plain = CamNet(2, "resnet18", "none", 16, None, seed=1).eval()
    plain.load_state_dict(reading.state_dict(), strict=False)
    images = draw(2, 3, 40, 48)
    found = reading.activation_maps(images, torch.zeros(2, 1, 5, 5))
    torch.testing.assert_close(found, plain.activation_maps(images))


@torch.no_grad()
def test_a_flipped_image_with_its_flipped_context() -> None:
    """Of a network with symmetric kernels, on a size that strides cut symmetrically."""
    backbone = build("resnet18", [2, 5])
    for parameter in backbone.parameters():
        if parameter.ndim == 4:
            parameter.copy_((parameter + parameter.flip(-1)) / 2)
    images, context = draw(1, 3, 65, 97), draw(1, 1, 7, 11, seed=1)
    expected = backbone(images, context)[-1]
    found = backbone(images.flip(-1), context.flip(-1))[-1].flip(-1)
    scale = float(expected.abs().max())
    torch.testing.assert_close(found / scale, expected / scale, atol=1e-4, rtol=1e-3)
    wrong = backbone(images.flip(-1), context)[-1].flip(-1)
    assert float((wrong - expected).abs().max()) > 0.01 * scale


@torch.no_grad()
def test_context_acts_where_it_lies() -> None:
    backbone = build("efficientnet_lite0", [5])
    block, reading = backbone.blocks[4][0][0].conv_pw, backbone.context_inputs["5"]
    features, context = draw(1, 112, 12, 16), torch.zeros(1, 1, 12, 16)
    context[0, 0, 3, 10] = 1.0
    # the 1x1 convolution alone
    (found,) = reading(lambda x: [block(x)], features, context)
    changed = (found - block(features)).abs().amax(1)[0] > 1e-6
    assert changed.nonzero().tolist() == [[3, 10]]


def test_context_weights_learn() -> None:
    net = CamNet(2, "resnet18", "none", 16, 5).train()
    net.backbone.freeze(5)
    net(draw(2, 3, 32, 32), draw(2, 1, 4, 4, seed=1)).sum().backward()
    for weight in net.backbone.context_inputs.parameters():
        assert weight.grad is not None
        assert float(weight.grad.abs().max()) > 0
    assert all(parameter.grad is None for parameter in net.backbone.blocks.parameters())


@torch.no_grad()
def test_hooks_do_not_stay() -> None:
    backbone = build("resnet18", [5])
    block, features = backbone.blocks[4], draw(1, 256, 6, 6)
    before = block(features)
    backbone.context_inputs["5"](block, features, torch.ones(1, 1, 6, 6))
    assert torch.equal(block(features), before)
    with pytest.raises(RuntimeError):
        backbone.context_inputs["5"](block, draw(1, 7, 6, 6), torch.ones(1, 1, 6, 6))
    assert torch.equal(block(features), before)


@pytest.mark.parametrize("number", [2, 3, 4, 5])
@torch.no_grad()
def test_a_block_that_begins_with_a_norm(number: int) -> None:
    """ConvNeXt's stages begin with a norm or a depthwise convolution: M is added to their input."""
    backbone = build("timm:convnext_atto", [number], channels=2)
    block, reading = backbone.blocks[number - 1], backbone.context_inputs[str(number)]
    (weight,) = reading.weights
    channels = backbone.channels[number - 2]
    assert weight.shape == (channels, 2, 1, 1)
    # a unit-sized M is as large, in a cell, as one unit-sized feature
    assert float(weight[:, 0].norm()) == pytest.approx(1, abs=0.4)
    features, context = draw(1, channels, 8, 8), torch.zeros(1, 2, 8, 8)
    context[0, 1, 3, 5] = 1.0
    seen: list[Tensor] = []
    (found,) = reading(lambda x: [seen.append(x), block(x)][1:], features, context)
    changed = (seen[0] - features).abs().amax(1)[0] > 0
    assert changed.nonzero().tolist() == [[3, 5]]
    torch.testing.assert_close((seen[0] - features)[0, :, 3, 5], weight[:, 1, 0, 0])
    torch.testing.assert_close(found, block(seen[0]))
