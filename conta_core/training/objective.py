"""What a training minimises: a network, the part of it that stays as it is, and a loss.

A loss is a weighted sum of ratios, each a sum over pixels, pairs or images over its count.
Written so, the sums and counts of several processes add up to the loss of the whole
batch, which a mean of the processes' losses would not be.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn


class Objective(nn.Module, ABC):
    """A network under training and its loss.

    Attributes:
        weights: of the ratios.
        epsilon: added to each count; a ratio without counts is 0.
        previewed: names what :meth:`preview` draws.
    """

    weights: Sequence[float]
    epsilon: float = 0.0
    previewed: str = "preview"

    @abstractmethod
    def frozen(self, images: Tensor) -> list[Tensor]:
        """What the unchanging part makes of uint8 images (B, 3, crop, crop)."""

    @abstractmethod
    def forward(self, features: list[Tensor], targets: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Run the learning part.

        Args:
            features: what :meth:`frozen` gave, each (B, ...).
            targets: ``tags``, ``labels``, ``context``, each (B, ...).

        Returns:
            ``sums`` (k,) with their gradient and ``counts`` (k,), of the k ratios.
        """

    def preview(self, images: Tensor, targets: Mapping[str, Tensor]) -> list[list[np.ndarray]]:
        """What the network makes of whole images, to be looked at; in evaluation mode.

        Args:
            images: uint8 (B, 3, crop, crop), filled up where they are smaller.
            targets: as in :meth:`forward`.

        Returns:
            Of each image the pictures that stand beside it, uint8 (crop, crop, 3) each; nothing
            where there is nothing to look at.
        """
        return []

    def loss(self, sums: Tensor, counts: Tensor) -> Tensor:
        """The loss of a whole batch, a scalar, see :func:`weighted_ratios`."""
        return weighted_ratios(sums, counts, self.weights, self.epsilon)


def weighted_ratios(
    sums: Tensor, counts: Tensor, weights: Sequence[float], epsilon: float = 0.0
) -> Tensor:
    """The weighted sum of sums / (counts + epsilon); where nothing was counted a ratio is 0.

    Args:
        sums: (k,).
        counts: (k,), without a gradient.
        weights: of the k ratios.
        epsilon: added to each count.
    """
    ratios = sums / (counts + epsilon).clamp_min(torch.finfo(torch.float32).tiny)
    return (ratios * ratios.new_tensor(weights)).sum()


def learning(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """Those of the parameters that learn."""
    return [parameter for parameter in parameters if parameter.requires_grad]
