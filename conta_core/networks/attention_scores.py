"""W1, W2 and the attention's scores over the confounder set (CONTA, equation 4).

A module of its own, since the classifier may hold it (``context.learning: classifier``): an edit of
:mod:`conta_core.causal.conta.attention` makes no classifier stale.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class AttentionScores(nn.Module):
    """W1, W2 and what they make of X_m.

    Args:
        confounders: c_i, (n, h, w).
        prior: P(c_i), (n,).
        generator: of the initial weights.
    """

    confounders: Tensor
    prior: Tensor

    def __init__(self, confounders: Tensor, prior: Tensor, generator: torch.Generator) -> None:
        super().__init__()
        count, cells = len(confounders), confounders[0].numel()
        self.register_buffer("confounders", confounders)
        self.register_buffer("prior", prior)
        std = 1 / math.sqrt(cells)
        self.w1 = nn.Parameter(torch.empty(count, cells).normal_(0, std, generator=generator))
        self.w2 = nn.Parameter(torch.empty(count, cells).normal_(0, std, generator=generator))

    def scores(self, masks: Tensor) -> Tensor:
        """The attention before the softmax, (B, n), from X_m (B, h, w)."""
        queries = masks.flatten(1) @ self.w1.T
        keys = self.confounders.flatten(1) @ self.w2.T
        return queries @ keys.T / math.sqrt(len(keys))
