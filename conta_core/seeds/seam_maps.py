"""SEAM's maps of whole images, over scales and flips (Wang et al., CVPR 2020, section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.networks.pixel_correlation import EPSILON, resize
from conta_core.networks.seam_net import SeamNet
from conta_core.seeds.cams import GRID_STRIDE, ImageCams, context_pair, scaled_pair


@torch.no_grad()
def extract_refined(
    model: SeamNet,
    image: np.ndarray,
    keys: np.ndarray,
    scales: Sequence[float],
    context: np.ndarray | None = None,
    query: np.ndarray | None = None,
) -> ImageCams:
    """Sum the refined maps of all scales and flips, each class from its least to its greatest.

    Args:
        model: in evaluation mode.
        image: uint8 (H, W, 3).
        keys: class indices of the image's tags, (k,).
        scales: of the image.
        context: M of the image, or its summands, as :func:`conta_core.seeds.cams.extract`.
        query: X_m, float32 (h, w), where the network makes M itself.
    """
    device = next(model.parameters()).device
    sizes = [image.shape[:2], tuple(-(-side // GRID_STRIDE) for side in image.shape[:2])]
    both = context_pair(model, context, query)
    wanted = torch.from_numpy(keys).to(device) + 1  # 0 is the background
    high_res, cam = (torch.zeros((len(keys), *size), device=device) for size in sizes)
    probability: Tensor | None = None
    for scale in scales if len(keys) else ():
        pair = scaled_pair(model, image, scale)
        logits, refined = model.refined_maps(pair, both)
        if scale == 1:
            probability = torch.sigmoid(logits.mean(dim=0))
        maps = resize(refined[:, wanted], pair.shape[-2:])
        joined = (maps[0] + maps[1].flip(-1))[None]
        for total, size in zip((high_res, cam), sizes, strict=True):
            total += F.interpolate(joined, size, mode="bilinear", align_corners=False)[0]
    if probability is None:
        logits = model(scaled_pair(model, image, 1.0), both)
        probability = torch.sigmoid(logits.mean(dim=0))
    return ImageCams(
        from_least_to_greatest(cam).cpu().numpy(),
        from_least_to_greatest(high_res).half().cpu().numpy(),
        probability.cpu().numpy(),
    )


def from_least_to_greatest(maps: Tensor) -> Tensor:
    """Maps (k, h, w), not negative, each from its least to its greatest value, 0..1."""
    least, greatest = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (maps - least - EPSILON).clamp_min(0) / (greatest - least + EPSILON)
