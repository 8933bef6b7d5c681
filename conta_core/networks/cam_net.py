"""The CAM classifier (CONTA, section 3.3, step 1; IRNet, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.networks.attention_scores import AttentionScores
from conta_core.networks.registry import BLOCKS, build_backbone

Block = Literal[2, 3, 4, 5, "all"]


class CamNet(nn.Module):
    """A backbone that may read M, global average pooling, and a linear layer without bias.

    Pooling and the linear layer commute, so the same layer as a 1x1 convolution gives
    the class activation maps.

    Args:
        class_count: n.
        backbone: name, see :func:`~conta_core.networks.registry.build_backbone`.
        weights: of the backbone.
        output_stride: of the backbone's last block.
        context_block: the block (2 to 5, or "all") that reads M; None: no context.
        seed: of the head and, by a generator of its own, of the context's weights.
        context_channels: of M.
        attention: n, h and w of the confounder set, where W1 and W2 are the network's own, which
            then makes M itself; None: it is given M.
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
        attention: Sequence[int] | None = None,
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
        self.attention: AttentionScores | None = None
        if attention is not None:
            entries, height, width = attention
            empty = torch.zeros(entries, height, width), torch.zeros(entries)
            self.attention = AttentionScores(*empty, torch.Generator().manual_seed(seed + 2))

    @property
    def reads_context(self) -> bool:
        """Whether forward needs M."""
        return len(self.backbone.context_inputs) > 0

    def attend_to(self, confounders: np.ndarray, prior: np.ndarray) -> None:
        """Give the network's own attention its confounder set.

        Args:
            confounders: c_i, float32 (n, h, w).
            prior: P(c_i), float32 (n,).

        Raises:
            ValueError: the network has no attention, or one of another shape.
        """
        if self.attention is None or self.attention.confounders.shape != confounders.shape:
            raise ValueError(f"the classifier attends to no confounder set of {confounders.shape}")
        self.attention.confounders.copy_(torch.from_numpy(confounders))
        self.attention.prior.copy_(torch.from_numpy(prior))

    def read_context(self, context: Tensor | None, query: Tensor | None) -> Tensor | None:
        """M as the backbone reads it.

        Args:
            context: M, (B, channels, h, w), or with an attention of its own the summands
                c_i P(c_i), (B, n, h, w); None: nothing is read.
            query: X_m of each image, (B, h, w), which the attention needs.

        Returns:
            ``context`` as it is, or M made of it, (B, 1, h, w).
        """
        if self.attention is None or context is None:
            return context
        if query is None:
            raise ValueError("the classifier makes M itself, and was given no X_m")
        alpha = self.attention.scores(query).softmax(dim=1)
        return torch.einsum("bn,bnhw->bhw", alpha, context)[:, None]

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
        return self.class_maps(self.backbone(images, context)[-1])

    def class_maps(self, features: Tensor) -> Tensor:
        """Class activation maps after the ReLU from the last block's features (B, C, h, w)."""
        return F.relu(self.classifier(features))

    def classify(self, features: Tensor) -> Tensor:
        """Logits (B, n) from the last block's features (B, C, h, w)."""
        pooled = features.mean(dim=(2, 3), keepdim=True)
        return self.classifier(pooled).flatten(1)


def build_cam_net(class_count: int, architecture: dict[str, Any]) -> CamNet:
    """A CAM net as its file describes it, without pretrained weights."""
    return CamNet(class_count, **{**architecture, "weights": "none"})
