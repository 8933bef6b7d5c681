"""Class activation maps over scales and flips (IRNet, section 3.1; CAM, Zhou et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.networks.cam_net import CamNet

GRID_STRIDE = 4
EPSILON = 1e-5
#: no class is asked for a map
NO_MAPS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class ImageCams:
    """The CAMs of one image.

    Attributes:
        cam: float32 (k, ceil(H/4), ceil(W/4)), 0..1.
        high_res: float16 (k, H, W), 0..1.
        probability: float32 (n,), sigmoid of the logits at scale 1, mean of both flips; None: there
            is no classifier.
    """

    cam: np.ndarray
    high_res: np.ndarray
    probability: np.ndarray | None = None


@torch.no_grad()
def extract(
    model: CamNet,
    image: np.ndarray,
    keys: np.ndarray,
    scales: Sequence[float],
    context: np.ndarray | None = None,
    query: np.ndarray | None = None,
) -> ImageCams:
    """Sum the maps of all scales and flips, and divide by each class's maximum.

    Args:
        model: in evaluation mode.
        image: uint8 (H, W, 3).
        keys: class indices of the image's tags, (k,).
        scales: of the image; M is resized with it at the block's input, and flipped with it.
        context: M of the image, float32 (channels, h, w), where the model reads one; where it
            makes M itself, the summands, float32 (n, h, w).
        query: X_m, float32 (h, w), where it makes M itself.
    """
    device = next(model.parameters()).device
    height, width = image.shape[:2]
    stride = model.backbone.strides[-1]
    grid = (-(-height // GRID_STRIDE), -(-width // GRID_STRIDE))
    padded = (-(-height // stride) * stride, -(-width // stride) * stride)
    wanted = torch.from_numpy(keys).to(device)
    both = context_pair(model, context, query)
    cam = torch.zeros((len(keys), *grid), device=device)
    high_res = torch.zeros((len(keys), height, width), device=device)
    for scale in scales:
        features = model.backbone(scaled_pair(model, image, scale), both)[-1]
        if scale == 1:
            probability = torch.sigmoid(model.classify(features).mean(dim=0))
        maps = model.class_maps(features)[:, wanted]
        joined = maps[0] + maps[1].flip(-1)
        if len(keys):
            cam += _resize(joined, grid)
            high_res += _resize(joined, padded)[:, :height, :width]
    if 1 not in scales:
        features = model.backbone(scaled_pair(model, image, 1.0), both)[-1]
        probability = torch.sigmoid(model.classify(features).mean(dim=0))
    return ImageCams(
        _normalise(cam).cpu().numpy(),
        _normalise(high_res).half().cpu().numpy(),
        probability.cpu().numpy(),
    )


def class_probabilities(
    model: CamNet,
    image: np.ndarray,
    context: np.ndarray | None = None,
    query: np.ndarray | None = None,
) -> np.ndarray:
    """What a classifier makes of an image: P(class), float32 (n,), as :func:`extract`."""
    found = extract(model, image, NO_MAPS, (1.0,), context, query).probability
    assert found is not None
    return found


def context_pair(
    model: CamNet, context: np.ndarray | None, query: np.ndarray | None
) -> Tensor | None:
    """M of an image and of its flip, (2, channels, h, w), as :func:`extract` is given it."""
    if context is None:
        return None
    device = next(model.parameters()).device
    given = torch.from_numpy(context).to(device)[None]
    own = torch.from_numpy(query).to(device)[None] if query is not None else None
    made = model.read_context(given, own)
    return _with_flip(made[0]) if made is not None else None


def scaled_pair(model: CamNet, image: np.ndarray, scale: float) -> Tensor:
    """The scaled image uint8 (H, W, 3) and its flip, normalised, (2, 3, h, w)."""
    device = next(model.parameters()).device
    if scale != 1:
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        interpolation = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        image = cv2.resize(image, size, interpolation=interpolation)
    tensor = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).to(device)
    return model.backbone.normalise(_with_flip(tensor))


def _with_flip(tensor: Tensor) -> Tensor:
    return torch.stack([tensor, tensor.flip(-1)])


def _resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(maps[None], size, mode="bilinear", align_corners=False)[0]


def _normalise(maps: Tensor) -> Tensor:
    return maps / (maps.amax(dim=(1, 2), keepdim=True) + EPSILON) if len(maps) else maps
