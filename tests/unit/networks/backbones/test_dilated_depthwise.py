from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from conta_core.networks.backbones.dilated_depthwise import (
    DilatedDepthwise,
    learn_dilated_depthwise_by_phases,
)

CHANNELS = 6


def depthwise(kernel: int, dilation: int, bias: bool = True) -> nn.Conv2d:
    torch.manual_seed(0)
    padding = dilation * (kernel // 2)
    return nn.Conv2d(
        CHANNELS, CHANNELS, kernel, padding=padding, dilation=dilation, groups=CHANNELS, bias=bias
    ).double()


def output_and_gradients(conv: nn.Conv2d, features: Tensor) -> list[Tensor]:
    leaf = features.clone().requires_grad_()
    output = conv(leaf)
    parameters = list(conv.parameters())
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(1)).double()
    return [output, *torch.autograd.grad((output * weights).sum(), [leaf, *parameters])]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(8, 8), (9, 7), (1, 3), (16, 5)])
@pytest.mark.parametrize(("kernel", "dilation"), [(3, 2), (5, 2), (5, 4), (3, 3)])
def test_phases_give_the_plain_convolution_and_its_gradients(
    kernel: int, dilation: int, size: tuple[int, int], bias: bool
) -> None:
    plain = depthwise(kernel, dilation, bias)
    features = torch.randn(2, CHANNELS, *size, generator=torch.Generator().manual_seed(2)).double()
    features = features.to(memory_format=torch.channels_last)
    expected = output_and_gradients(plain, features)
    found = output_and_gradients(DilatedDepthwise(plain), features)
    assert len(found) == len(expected) == 3 + bias
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_without_a_gradient_it_is_the_plain_convolution_to_the_bit() -> None:
    plain = depthwise(5, 2).float()
    features = torch.randn(2, CHANNELS, 9, 8)
    with torch.no_grad():
        assert torch.equal(DilatedDepthwise(plain)(features), plain(features))


def test_only_what_fits_is_replaced_and_names_and_weights_stay() -> None:
    network = nn.Sequential(
        depthwise(5, 2),
        nn.Sequential(depthwise(3, 1), nn.Conv2d(CHANNELS, CHANNELS, 3, padding=2, dilation=2)),
        nn.Conv2d(CHANNELS, CHANNELS, 3, 2, padding=2, dilation=2, groups=CHANNELS),
        nn.Conv2d(CHANNELS, CHANNELS, 3, dilation=2, groups=CHANNELS),
        nn.Conv2d(CHANNELS, CHANNELS, 2, padding=1, dilation=2, groups=CHANNELS),
    )
    before = {name: id(tensor) for name, tensor in network.named_parameters()}
    learn_dilated_depthwise_by_phases(network)
    assert {name: id(tensor) for name, tensor in network.named_parameters()} == before
    replaced = [name for name, m in network.named_modules() if isinstance(m, DilatedDepthwise)]
    assert replaced == ["0"]
