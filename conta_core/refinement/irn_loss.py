"""IRNet's loss on the affinities of pairs and on their displacements (IRNet, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from conta_core.images.masks import IGNORE
from conta_core.refinement.paths import affinities, pairs

EPSILON = 1e-5


#: (pos + neg) / 2 + (dp_fg + dp_bg) / 2 with pos = bg_pos / 2 + fg_pos / 2
WEIGHTS = (0.25, 0.25, 0.5, 0.5, 0.5)


def irn_terms(
    edge_logits: Tensor, displacement: Tensor, labels: Tensor, radius: int
) -> tuple[Tensor, Tensor]:
    """The sums and counts of the boundary loss and of the displacement loss.

    Args:
        edge_logits: (B, 1, h, w).
        displacement: (B, 2, h, w) in cells, y first.
        labels: IR labels on the same grid, uint8 (B, h, w): 0 background, 255 ignore.
        radius: pairs of cells nearer than this.

    Returns:
        Sums and counts (5,) of background and foreground positives, negatives, and the
        displacements of foreground and background pairs (two numbers a pair); the loss is
        the sum of their ratios, :data:`EPSILON` added to each count, times :data:`WEIGHTS`.
    """
    edge = torch.sigmoid(edge_logits[:, 0].float())
    displacement = displacement.float()
    sums = edge.new_zeros(5)
    counts = edge.new_zeros(3)
    for path, origins in pairs((edge.shape[1], edge.shape[2]), radius):
        here, there = origins.at(labels, (0, 0)), origins.at(labels, path.target)
        known = (here != IGNORE) & (there != IGNORE)
        same = known & (here == there)
        background = (same & (here == 0)).float()
        foreground = (same & (here != 0)).float()
        negative = (known & (here != there)).float()
        affinity = affinities(edge, path, origins)
        attraction = -torch.log(affinity + EPSILON)
        repulsion = -torch.log(1 + EPSILON - affinity)
        towards = origins.at(displacement, (0, 0)) - origins.at(displacement, path.target)
        offset = towards.new_tensor(path.target).view(1, 2, 1, 1)
        sums = sums + torch.stack(
            [
                (attraction * background).sum(),
                (attraction * foreground).sum(),
                (repulsion * negative).sum(),
                ((towards - offset).abs() * foreground[:, None]).sum(),
                (towards.abs() * background[:, None]).sum(),
            ]
        )
        counts = counts + torch.stack([background.sum(), foreground.sum(), negative.sum()])
    return sums, torch.cat([counts, 2 * counts[1:2], 2 * counts[0:1]])
