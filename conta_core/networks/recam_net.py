"""The CAM classifier with ReCAM's second classifier (Chen et al., CVPR 2022)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.networks.cam_net import CamNet

#: of its model files
RECAM_KIND = "recam"
#: a map whose maximum is 0 stays 0
EPSILON = 1e-5


class RecamNet(CamNet):
    """A classifier, and a second one on the features of each class.

    Args:
        class_count: n.
        backbone: as of :class:`~conta_core.networks.cam_net.CamNet`, like all that follow.
        weights: of the backbone.
        output_stride: of the backbone's last block.
        seed: plus 3, of the second classifier.
        options: further ones, by name.
    """

    def __init__(
        self,
        class_count: int,
        backbone: str,
        weights: str,
        output_stride: int,
        *,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(class_count, backbone, weights, output_stride, seed=seed, **options)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + 3)
            self.recam = nn.Conv2d(self.backbone.channels[-1], class_count, 1, bias=False)

    def of_classes(self, features: Tensor) -> Tensor:
        """The second classifier's logits for the features of each class (section 3.2, eq. 3, 4).

        The features of a class are weighed by its CAM over the CAM's maximum, and averaged. This is
        computed in float32 under any ``precision``: float16 cannot hold a sum over all cells.

        Args:
            features: of the last block, (B, C, h, w).

        Returns:
            float32 (B, n, n): of the features of each class (second axis), the logits.
        """
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            maps = F.relu(self.classifier(features))
            maps = maps / (maps.amax(dim=(2, 3), keepdim=True) + EPSILON)
            cells = features.shape[2] * features.shape[3]
            averaged = torch.einsum("bkhw,bchw->bkc", maps, features) / cells
            return averaged @ self.recam.weight.flatten(1).T

    def class_maps(self, features: Tensor) -> Tensor:
        """CAMs after the ReLU, by the product of both classifiers' weights (section 3.3)."""
        return F.relu(F.conv2d(features, self.recam.weight * self.classifier.weight))


def build_recam_net(class_count: int, architecture: dict[str, Any]) -> RecamNet:
    """A ReCAM net as its file describes it, without pretrained weights."""
    return RecamNet(class_count, **{**architecture, "weights": "none"})
