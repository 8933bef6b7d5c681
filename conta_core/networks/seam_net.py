"""The network of SEAM: a classifier whose maps a pixel correlation module refines.

Wang et al., CVPR 2020, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from conta_core.networks.cam_net import CamNet
from conta_core.networks.pixel_correlation import PixelCorrelation, resize
from conta_core.networks.registry import BLOCKS

#: model files of this network
SEAM_KIND = "seam"
#: the blocks that the correlation reads, and the last one; of wide_resnet38 they are SEAM's conv4
#: and conv5, and conv6
TAPS = (BLOCKS - 2, BLOCKS - 1, BLOCKS)


class SeamNet(CamNet):
    """A CAM net that may drop channels out before its head, and a pixel correlation module.

    The released network has one more output, for the background. Nothing reads it, so it is not
    here.

    Args:
        class_count: n.
        seed: as of :class:`~conta_core.networks.cam_net.CamNet`; the module's weights and the
            head's have a seed of their own.
        architecture: further arguments of :class:`~conta_core.networks.cam_net.CamNet`.

    Attributes:
        dropout: of channels before the head; its training says how many.
    """

    def __init__(self, class_count: int, *, seed: int = 0, **architecture: Any) -> None:
        super().__init__(class_count, seed=seed, **architecture)
        channels = self.backbone.channels
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + 3)
            head = torch.empty(class_count + 1, channels[-1], 1, 1)
            nn.init.xavier_uniform_(head)
            self.classifier.weight.data.copy_(head[1:])
            self.correlation = PixelCorrelation([channels[tap - 1] for tap in TAPS[:-1]])
        self.dropout = nn.Dropout2d(0.0)

    def maps(self, pixels: Tensor, taps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The class activation maps and what the correlation makes of them.

        Args:
            pixels: the normalised images at the size of the last block's output, (B, 3, h, w).
            taps: outputs of the blocks :data:`TAPS`.

        Returns:
            CAMs (B, n, h, w) of any range, and float32 refined maps (B, n + 1, h, w), 0..1,
            background first.
        """
        cams = self.classifier(self.dropout(taps[-1]))
        return cams, self.correlation(cams, pixels, taps[:-1])

    def refined_maps(self, images: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The refined maps of whole images.

        Args:
            images: (B, 3, H, W), normalised.
            context: M of each image in the same geometry, (B, its channels, h, w).

        Returns:
            Class logits (B, n), and refined maps, float32 (B, n + 1, H/stride, W/stride).
        """
        outputs = self.backbone(images, context)
        taps = [outputs[tap - 1] for tap in TAPS]
        pixels = resize(images, taps[-1].shape[-2:])
        return self.classify(taps[-1]), self.maps(pixels, taps)[1]


def build_seam_net(class_count: int, architecture: dict[str, Any]) -> SeamNet:
    """SEAM's network as its file describes it, without pretrained weights."""
    return SeamNet(class_count, **{**architecture, "weights": "none"})
