"""Deconfound: the attention of an image's mask over the confounder set (CONTA, equation 4).

    alpha = softmax_i( (W1 X_m)^T (W2 c_i) / sqrt(n) )        M = sum_i alpha_i c_i P(c_i)

W1 and W2 (n x hw) learn before M is made: the attention's scores, read as class
logits, learn to name the image's tags
(docs/method.md says why, docs/experiments.md has the figures).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.networks.attention_scores import AttentionScores


class ContextAttention(AttentionScores):
    """The attention, with M and the learning of W1 and W2 by the tags."""

    def forward(self, masks: Tensor, by_class: bool = False) -> tuple[Tensor, Tensor]:
        """The context of each image.

        Args:
            masks: X_m, (B, h, w), label over n: 0 background, 1 the last class.
            by_class: whether M is left in its summands alpha_i c_i P(c_i).

        Returns:
            M (B, h, w), or by class (B, n, h, w), and alpha (B, n).
        """
        alpha = self.scores(masks).softmax(dim=1)
        equation = "bn,nhw->bnhw" if by_class else "bn,nhw->bhw"
        return torch.einsum(equation, alpha * self.prior, self.confounders), alpha

    def learn(self, masks: Tensor, tags: Tensor, steps: int, learning_rate: float) -> float:
        """Let the scores name the tags (multilabel soft margin loss, whole list, Adam).

        Args:
            masks: X_m of the training list, (N, h, w).
            tags: (N, n), 1 where a class (an entry of the confounder set) is present.
            steps: of Adam.
            learning_rate: of Adam.

        Returns:
            The last loss; nan without steps.
        """
        optimizer = torch.optim.Adam(self.parameters(), lr=learning_rate)
        value = math.nan
        for _ in range(steps):
            loss = F.multilabel_soft_margin_loss(self.scores(masks), tags)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            value = float(loss.detach())
        return value
