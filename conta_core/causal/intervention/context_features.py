"""An image's context as the round's classifier sees it: the image without its objects."""

from __future__ import annotations

import numpy as np
import torch

from conta_core.causal.intervention.pixels import fill
from conta_core.networks.cam_net import CamNet


@torch.no_grad()
def context_features(model: CamNet, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The mean of the last block's features once all objects are filled in.

    Args:
        model: in evaluation mode, without a context.
        image: uint8 (H, W, 3).
        mask: uint8 (H, W), 0 background, i + 1 class i.

    Returns:
        float32 (C,), C the channels of the last block.
    """
    device = next(model.parameters()).device
    emptied = fill(image, mask != 0)
    batch = torch.from_numpy(emptied[None].transpose(0, 3, 1, 2).copy()).to(device)
    last = model.backbone(model.backbone.normalise(batch))[-1]
    features: np.ndarray = last.float().mean(dim=(2, 3))[0].cpu().numpy()
    return features
