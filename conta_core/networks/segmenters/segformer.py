"""SegFormer's head, which joins four blocks of any backbone (Xie et al., NeurIPS 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.networks.segmenters.base import NormalisedConvolution, SegmentationNetwork


class SegFormer(SegmentationNetwork):
    """A linear layer on each of blocks 2 to 5, joined by another; logits at block 2's stride.

    Args: as :class:`SegmentationNetwork`; a hierarchical transformer such as ``timm:pvt_v2_b2`` is
        the paper's kind of backbone.
    """

    taps: ClassVar[tuple[int, ...]] = (2, 3, 4, 5)
    keys: ClassVar[tuple[str, ...]] = ("head_channels",)

    def add_head(self, outputs: int, **own: Any) -> None:
        """Make the linear layers, of ``head_channels`` channels."""
        width = own["head_channels"]
        inputs = [self.backbone.channels[tap - 1] for tap in self.taps]
        self.levels = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in inputs)
        self.join = NormalisedConvolution(width * len(self.taps), width)
        self.classifier = nn.Conv2d(width, outputs, 1)

    def head(self, taps: Sequence[Tensor]) -> Tensor:
        """Logits at the stride of block 2 (section 3.2, equation 4)."""
        size = taps[0].shape[-2:]
        maps = [
            F.interpolate(level(tap), size, mode="bilinear", align_corners=False)
            for level, tap in zip(self.levels, taps, strict=True)
        ]
        logits: Tensor = self.classifier(self.join(torch.cat(maps, dim=1)))
        return logits
