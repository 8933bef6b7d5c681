"""Running a segmentation model on whole images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from conta_core.networks.segmenters.base import SegmentationNetwork


@torch.no_grad()
def predict(model: SegmentationNetwork, image: np.ndarray) -> np.ndarray:
    """Logits of a whole image, the maximum over the scales.

    Args:
        model: in evaluation mode.
        image: uint8 (H, W, 3).

    Returns:
        float32 (n + 1, H/stride, W/stride), background first.
    """
    device = next(model.parameters()).device
    tensor = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].to(device)
    logits: Tensor = model(model.backbone.normalise(tensor))
    return logits[0].float().cpu().contiguous().numpy()
