"""DeepLab v3+: an ASPP with image pooling, and a decoder (Chen et al., ECCV 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.networks.segmenters.base import NormalisedConvolution, SegmentationNetwork

#: channels of the low-level features in the decoder (section 3.1)
LOW_LEVEL = 48


class PooledAspp(nn.Module):
    """A 1x1 convolution, dilated 3x3 ones and the image's mean, side by side, then joined."""

    def __init__(self, inputs: int, width: int, rates: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                NormalisedConvolution(inputs, width),
                *(NormalisedConvolution(inputs, width, 3, rate) for rate in rates),
            ]
        )
        # a norm over the one cell of a channel group would be of very few values
        self.pooled = nn.Sequential(nn.Conv2d(inputs, width, 1), nn.ReLU(inplace=True))
        self.join = NormalisedConvolution(width * (len(rates) + 2), width)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to (B, width, h, w)."""
        mean = self.pooled(features.mean(dim=(2, 3), keepdim=True))
        maps = [branch(features) for branch in self.branches]
        joined: Tensor = self.join(torch.cat([*maps, mean.expand_as(maps[0])], dim=1))
        return joined


class DeepLabV3Plus(SegmentationNetwork):
    """An ASPP on the last block, joined with block 2; logits at the stride of block 2."""

    taps: ClassVar[tuple[int, ...]] = (2, 5)
    keys: ClassVar[tuple[str, ...]] = ("aspp_rates", "head_channels")

    def add_head(self, outputs: int, **own: Any) -> None:
        """Make ASPP and decoder, with dilations ``aspp_rates`` and ``head_channels`` channels."""
        channels, width = self.backbone.channels, own["head_channels"]
        self.aspp = PooledAspp(channels[-1], width, own["aspp_rates"])
        self.low_level = NormalisedConvolution(channels[1], LOW_LEVEL)
        self.decoder = nn.Sequential(
            NormalisedConvolution(width + LOW_LEVEL, width, 3),
            NormalisedConvolution(width, width, 3),
        )
        self.classifier = nn.Conv2d(width, outputs, 1)

    def head(self, taps: Sequence[Tensor]) -> Tensor:
        """Logits at the stride of block 2."""
        low_level, last = taps
        fine = self.low_level(low_level)
        coarse = F.interpolate(
            self.aspp(last), fine.shape[-2:], mode="bilinear", align_corners=False
        )
        logits: Tensor = self.classifier(self.decoder(torch.cat([coarse, fine], dim=1)))
        return logits
