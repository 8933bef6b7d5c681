"""The CAM classifier (CONTA, section 3.3, step 1; IRNet, section 3.1)."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.networks.backbones import BLOCKS, build_backbone

Block = Literal[2, 3, 4, 5, "all"]


class CamNet(nn.Module):
    """A backbone that may read M, global average pooling, and a linear layer without bias.

    Pooling and the linear layer commute, so the same layer as a 1x1 convolution gives
    the class activation maps.

    Args:
        class_count: n.
        backbone: name, see :func:`~conta_core.networks.backbones.build_backbone`.
        weights: of the backbone.
        output_stride: of the backbone's last block.
        context_block: the block (2 to 5, or "all") that reads M; None: no context.
        seed: of the head and, by a generator of its own, of the context's weights.
        context_channels: of M.
    """

    def __init__(
        self,
        class_count: int,
        backbone: str,
        weights: str,
        output_stride: int,
        context_block: Block | None = None,
        seed: int = 0,
        context_channels: int = 1,
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.backbone = build_backbone(backbone, weights, output_stride)
            self.classifier = nn.Conv2d(self.backbone.channels[-1], class_count, 1, bias=False)
            nn.init.normal_(self.classifier.weight, std=0.01)
        if context_block is not None:
            blocks = range(2, BLOCKS + 1) if context_block == "all" else [context_block]
            generator = torch.Generator().manual_seed(seed + 1)
            self.backbone.add_context(list(blocks), generator, context_channels)

    @property
    def reads_context(self) -> bool:
        """Whether forward needs M."""
        return len(self.backbone.context_inputs) > 0

    def forward(self, images: Tensor, context: Tensor | None = None) -> Tensor:
        """Class logits.

        Args:
            images: (B, 3, H, W), normalised.
            context: M of each image in the same geometry, (B, its channels, h, w).

        Returns:
            (B, n).
        """
        return self.classify(self.backbone(images, context)[-1])

    def activation_maps(self, images: Tensor, context: Tensor | None = None) -> Tensor:
        """Class activation maps after the ReLU, (B, n, H/stride, W/stride)."""
        return F.relu(self.classifier(self.backbone(images, context)[-1]))

    def classify(self, features: Tensor) -> Tensor:
        """Logits (B, n) from the last block's features (B, C, h, w)."""
        pooled = features.mean(dim=(2, 3), keepdim=True)
        return self.classifier(pooled).flatten(1)


def build_cam_net(class_count: int, architecture: dict[str, Any]) -> CamNet:
    """A CAM net as its file describes it, without pretrained weights."""
    return CamNet(class_count, **{**architecture, "weights": "none"})
