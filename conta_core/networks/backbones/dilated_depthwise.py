"""Dilated depthwise convolutions that learn quickly on a CPU.

A convolution of dilation d never mixes pixels of different phases (row mod d, column
mod d), so it is the undilated one on each of the d x d phases, laid side by side in
the batch: the same products and sums. oneDNN has no kernel of its own for the
gradient of a dilated depthwise convolution, and takes two to five times longer for
it than for that of the phases. Without a gradient, and on a GPU, the plain
convolution is the faster one, and is used.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DilatedDepthwise(nn.Conv2d):
    """A depthwise ``nn.Conv2d`` of stride 1 and equal dilations that keeps its input's size.

    Args:
        plain: the convolution whose parameters it takes over.
    """

    def __init__(self, plain: nn.Conv2d) -> None:
        super().__init__(
            plain.in_channels,
            plain.out_channels,
            _pair(plain.kernel_size),
            padding=_pair(plain.padding),
            dilation=_pair(plain.dilation),
            groups=plain.groups,
            bias=plain.bias is not None,
            device="meta",
        )
        self.weight, self.bias = plain.weight, plain.bias

    def forward(self, features: Tensor) -> Tensor:
        """Convolve (B, C, H, W)."""
        if features.device.type != "cpu" or not torch.is_grad_enabled():
            return super().forward(features)
        return self._by_phases(features)

    def _by_phases(self, features: Tensor) -> Tensor:
        step = self.dilation[0]
        batch, channels, height, width = features.shape
        rows, columns = -(-height // step), -(-width // step)
        if (rows * step, columns * step) != (height, width):
            features = F.pad(features, (0, -width % step, 0, -height % step))
        phases = features.permute(0, 2, 3, 1).reshape(batch, rows, step, columns, step, channels)
        phases = phases.permute(2, 4, 0, 1, 3, 5).reshape(-1, rows, columns, channels)
        padding = [pad // step for pad in _pair(self.padding)]
        convolved = F.conv2d(
            phases.permute(0, 3, 1, 2), self.weight, self.bias, 1, padding, 1, self.groups
        )
        apart = convolved.permute(0, 2, 3, 1).reshape(step, step, batch, rows, columns, channels)
        whole = apart.permute(2, 3, 0, 4, 1, 5).reshape(batch, rows * step, columns * step, -1)
        return whole.permute(0, 3, 1, 2)[:, :, :height, :width]


def learn_dilated_depthwise_by_phases(network: nn.Module) -> None:
    """Replace, in place, every convolution that :class:`DilatedDepthwise` can stand for."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Conv2d and _fits(child):
                setattr(parent, name, DilatedDepthwise(child))


def _fits(conv: nn.Conv2d) -> bool:
    kernel, padding, dilation = (_pair(x) for x in (conv.kernel_size, conv.padding, conv.dilation))
    keeps_size = padding == tuple(d * (k // 2) for d, k in zip(dilation, kernel, strict=True))
    odd = all(k % 2 == 1 for k in kernel)
    depthwise = conv.groups == conv.in_channels == conv.out_channels
    plain = _pair(conv.stride) == (1, 1) and conv.padding_mode == "zeros"
    return depthwise and plain and odd and keeps_size and dilation[0] == dilation[1] > 1


def _pair(value: object) -> tuple[int, int]:
    if not isinstance(value, tuple):
        raise TypeError(f"{value!r} is no pair of numbers")
    return value[0], value[1]
