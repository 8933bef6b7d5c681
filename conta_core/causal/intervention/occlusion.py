"""What an object is worth to the scores: an intervention's question to the round's own classifier.

What a mask gives to one class may be the object of another that stands beside it. The classifier
that made the mask tells: an object is filled in, and it is seen which of the image's tags loses by
it. No ground truth is used (docs/method.md, "The intervention").
"""

from __future__ import annotations

import numpy as np
import torch

from conta_core.causal.intervention.pixels import fill
from conta_core.networks.cam_net import CamNet


@torch.no_grad()
def score_drops(model: CamNet, image: np.ndarray, mask: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """By how much the logit of each tag falls once the object of each tag is filled in.

    Args:
        model: in evaluation mode, without a context.
        image: uint8 (H, W, 3).
        mask: uint8 (H, W), 0 background, i + 1 class i.
        keys: class indices of the image's tags, (k,).

    Returns:
        float32 (k, k): rows the object that is filled in, columns the tag; 0 in the row of an
        object that was not asked for: it is not there, or its image's only tag has it.
    """
    device = next(model.parameters()).device
    holes = [mask == key + 1 for key in keys]
    asked = [row for row, hole in enumerate(holes) if hole.any() and len(keys) > 1]
    drops = np.zeros((len(keys), len(keys)), dtype=np.float32)
    if asked:
        images = np.stack([image, *(fill(image, holes[row]) for row in asked)])
        batch = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).to(device)
        logits = model(model.backbone.normalise(batch)).float().cpu().numpy()[:, keys]
        drops[asked] = logits[0] - logits[1:]
    return drops
