"""DeepLab v2 with multi-scale inputs (Chen et al., TPAMI 2018; deeplab-pytorch's MSC)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.networks.registry import build_backbone


class Aspp(nn.Module):
    """Atrous spatial pyramid pooling: the sum of dilated 3x3 convolutions."""

    def __init__(self, inputs: int, outputs: int, rates: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList()
        for rate in rates:
            branch = nn.Conv2d(inputs, outputs, 3, padding=rate, dilation=rate)
            nn.init.normal_(branch.weight, std=0.01)
            branch.bias.data.zero_()  # type: ignore[union-attr]
            self.branches.append(branch)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to (B, outputs, h, w)."""
        total = self.branches[0](features)
        for branch in self.branches[1:]:
            total = total + branch(features)
        return total


class DeepLab(nn.Module):
    """A backbone and an ASPP at several input scales.

    Args:
        class_count: n, without the background; logits have n + 1 channels.
        backbone: name, see :func:`~conta_core.networks.registry.build_backbone`.
        weights: of the backbone.
        output_stride: of the backbone's last block.
        aspp_rates: dilations of the ASPP.
        scales: further input scales beside 1.
        seed: of the ASPP.
    """

    def __init__(
        self,
        class_count: int,
        backbone: str,
        weights: str,
        output_stride: int,
        aspp_rates: Sequence[int],
        scales: Sequence[float],
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.scales = tuple(scales)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.backbone = build_backbone(backbone, weights, output_stride)
            self.aspp = Aspp(self.backbone.channels[-1], class_count + 1, aspp_rates)

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        """Logits of the classes, background first.

        Args:
            images: (B, 3, H, W), normalised.

        Returns:
            In evaluation the maximum over the scales, (B, n + 1, H/stride, W/stride); in
            training the list [scale 1, the further scales, maximum], each at its own size.
        """
        outputs = self.combine([self.aspp(self.backbone(x)[-1]) for x in self.pyramid(images)])
        return outputs if self.training else outputs[-1]

    def pyramid(self, images: Tensor) -> list[Tensor]:
        """The images at scale 1 and at the further scales."""
        scaled = [
            F.interpolate(images, scale_factor=scale, mode="bilinear", align_corners=False)
            for scale in self.scales
        ]
        return [images, *scaled]

    def combine(self, logits: list[Tensor]) -> list[Tensor]:
        """The logits of the scales and, last, their maximum at the size of scale 1."""
        resized = [
            F.interpolate(x, logits[0].shape[-2:], mode="bilinear", align_corners=False)
            for x in logits[1:]
        ]
        maximum = logits[0]
        for other in resized:
            maximum = torch.maximum(maximum, other)
        return [*logits, maximum]


def build_deeplab(class_count: int, architecture: dict[str, Any]) -> DeepLab:
    """A DeepLab as its file describes it, without pretrained weights."""
    return DeepLab(class_count, **{**architecture, "weights": "none"})
