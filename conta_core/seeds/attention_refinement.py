"""Class-aware attention-based affinity: maps spread along a transformer's own attention.

CLIP-ES (Lin et al., CVPR 2023), section 3.3.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from conta_core.seeds.softmax_grad_cam import min_max


def refine_by_attention(
    maps: Tensor,
    grid: tuple[int, int],
    attention: Tensor,
    normalisations: int,
    power: int,
    box_threshold: float,
) -> Tensor:
    """Let each patch gather what the patches hold that it attends to.

    What they gather is nearly the same everywhere, so it is summed in float64.

    Args:
        maps: float32 (k, patches), 0..1.
        grid: height and width of the grid of patches.
        attention: of patches (rows) to patches (columns), (patches, patches), positive.
        normalisations: how often columns and then rows are divided by their sums.
        power: of the affinity, A^power; 2: squared once.
        box_threshold: what a map has outside of the boxes around values above it is not gathered.

    Returns:
        float32 (k, patches), 0..1.
    """
    affinity = symmetric_affinity(attention.double(), normalisations)
    boxes = np.stack([boxes_around(one, box_threshold) for one in _on_grid(maps, grid)])
    inside = torch.from_numpy(boxes.reshape(len(maps), -1)).to(maps.device)
    gathered = (maps * inside).T.double()
    # A(A(... m)) is A^power m, without a product of two matrices
    for _ in range(power):
        gathered = affinity @ gathered
    return min_max(gathered.T).float()


def symmetric_affinity(attention: Tensor, normalisations: int) -> Tensor:
    """Attention made nearly doubly stochastic (Sinkhorn), and then symmetric.

    Args:
        attention: (n, n), positive.
        normalisations: how often columns and then rows are divided by their sums.

    Returns:
        (n, n): (A + A^T) / 2.
    """
    least = torch.finfo(attention.dtype).tiny
    affinity = attention
    for _ in range(normalisations):
        for axis in (0, 1):
            affinity = affinity / affinity.sum(dim=axis, keepdim=True).clamp_min(least)
    return (affinity + affinity.T).div_(2)


def boxes_around(values: np.ndarray, threshold: float) -> np.ndarray:
    """The bounding boxes of the connected regions (8 neighbours) above a threshold, filled.

    Args:
        values: float (h, w).
        threshold: of a region.

    Returns:
        bool (h, w): inside of a box.
    """
    above = (values > threshold).astype(np.uint8)
    _, _, regions, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    inside = np.zeros(values.shape, dtype=bool)
    for left, top, width, height, _ in regions[1:]:  # the first is what lies below
        inside[top : top + height, left : left + width] = True
    return inside


def _on_grid(maps: Tensor, grid: tuple[int, int]) -> np.ndarray:
    return maps.reshape(len(maps), *grid).cpu().numpy()
