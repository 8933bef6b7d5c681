"""DeepLab v2 (Chen et al., TPAMI 2018; deeplab-pytorch)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from conta_core.networks.segmenters.base import SegmentationNetwork


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


class DeepLab(SegmentationNetwork):
    """A backbone and an ASPP on its last block; logits at the backbone's stride."""

    keys: ClassVar[tuple[str, ...]] = ("aspp_rates",)

    def add_head(self, outputs: int, **own: Any) -> None:
        """Make the ASPP, with dilations ``aspp_rates``."""
        self.aspp = Aspp(self.backbone.channels[-1], outputs, own["aspp_rates"])

    def head(self, taps: Sequence[Tensor]) -> Tensor:
        """Logits at the stride of the last block."""
        logits: Tensor = self.aspp(taps[-1])
        return logits
