"""Backbones for images of any size, of networks that take sides of certain multiples only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.networks.backbones.backbone import Backbone


class PaddedBackbone(Backbone):
    """A backbone whose network takes no image of any size: it is padded at right and bottom.

    A block's output is cut to the image, so it has ceil(H / stride) rows. What was cut off goes on
    beside it.

    Args:
        multiple: of each side of an image that the network takes, pixels.
    """

    def __init__(self, *arguments: Any, multiple: int) -> None:
        super().__init__(*arguments)
        self._multiple = multiple

    def run(self, number: int, features: Tensor, further: Sequence[Tensor]) -> list[Tensor]:
        """Run one block: its state is the map, and the whole one (no channels: it is the map).

        Raises:
            ValueError: a later block was given a map and not the state.
        """
        if number > 1 and not further:
            raise ValueError(f"block {number} reads the state of the block before, not its map")
        height, width = features.shape[-2:]
        if number == 1:
            bottom, right = -height % self._multiple, -width % self._multiple
            features, before = F.pad(features, (0, right, 0, bottom)), 1
        else:
            before = self.strides[number - 2]
            if further[0].shape[1]:
                whole = further[0].clone()
                whole[..., :height, :width] = features  # which may have M in it
                features = whole
        output: Tensor = self.blocks[number - 1](features)
        factor = self.strides[number - 1] // before
        # rounded up without negative numbers, which ONNX divides otherwise
        rows, columns = (height + factor - 1) // factor, (width + factor - 1) // factor
        cut = output[..., :rows, :columns]
        # a graph that is traced is for images of other sizes too
        same = cut.shape == output.shape and not torch.jit.is_tracing()
        return [cut, output[:, :0] if same else output]
