"""A backbone: any classification network as five blocks.

Block 1 is the stem; blocks 2 to 5 are the stages that the papers call Block-2 to
Block-5 (a ResNet's layer1 to layer4). Batch norms use their stored statistics, in
training too, as in IRNet and DeepLab, but where :meth:`Backbone.train_batch_norms` says
otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from conta_core.networks.context_input import ContextInput, input_convolutions

BLOCKS = 5
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """Five blocks in a row, with the context M where it is asked for.

    Args:
        blocks: the five blocks.
        channels: output channels of each block.
        strides: output stride of each block.
        mean: of the input normalisation, RGB, for values in 0..1.
        std: of the input normalisation.
        bgr: whether the first convolution reads the channels in the order BGR.
    """

    def __init__(
        self,
        blocks: Sequence[nn.Module],
        channels: Sequence[int],
        strides: Sequence[int],
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        bgr: bool = False,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.channels = tuple(channels)
        self.strides = tuple(strides)
        self.mean = tuple(mean)
        self.std = tuple(std)
        self.bgr = bgr
        self.context_inputs = nn.ModuleDict()
        self._fixed_norms = len(blocks)
        self._frozen = 0
        self.train()  # batch norms use their stored statistics from the start

    def add_context(
        self, blocks: Sequence[int], generator: torch.Generator, channels: int = 1
    ) -> None:
        """Let the named blocks (2 to 5) read M beside their input.

        Args:
            blocks: block numbers, from 2.
            generator: of the new weights alone, so that no other draw moves.
            channels: of M.
        """
        mode = self.training
        self.eval()  # finding a block's first convolutions must draw and learn nothing
        for number in blocks:
            width = self.channels[number - 2]
            self.context_inputs[str(number)] = ContextInput(
                self.readers(number), width, generator, channels
            )
        self.train(mode)

    def readers(self, number: int) -> list[nn.Conv2d]:
        """The convolutions of a block that read its input; none: M is added to the input."""
        return input_convolutions(self.blocks[number - 1], self.channels[number - 2])

    @property
    def fill(self) -> tuple[int, ...]:
        """The colour (RGB, 0..255) nearest to what the network reads as 0."""
        return tuple(round(255 * mean) for mean in self.mean)

    def normalise(self, images: Tensor) -> Tensor:
        """From RGB, uint8 or 0..255 floats (B, 3, H, W), to this network's input."""
        mean = torch.tensor(self.mean, device=images.device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, 3, 1, 1)
        normalised = (images.float() / 255.0 - mean) / std
        if self.bgr:
            normalised = normalised.flip(1)
        return normalised.to(memory_format=torch.channels_last)

    def forward(
        self,
        features: Tensor | Sequence[Tensor],
        context: Tensor | None = None,
        first: int = 1,
        last: int = BLOCKS,
    ) -> list[Tensor]:
        """Run the blocks ``first`` to ``last``.

        Args:
            features: (B, 3, H, W) normalised images for block 1, else the state of block
                ``first - 1``, see :meth:`states`. Of a network whose states are one map, the map.
            context: M in the same geometry, (B, its channels, h, w); needed exactly where
                :meth:`add_context` named one of these blocks.
            first: first block to run, from 1.
            last: last block to run.

        Returns:
            The output of each block that ran, (B, channels, H/stride, W/stride).
        """
        state = [features] if isinstance(features, Tensor) else features
        return [one[0] for one in self.states(state, context, first, last)]

    def states(
        self,
        state: Sequence[Tensor],
        context: Tensor | None = None,
        first: int = 1,
        last: int = BLOCKS,
    ) -> list[list[Tensor]]:
        """Like :meth:`forward`, with all that a block hands on to the next one.

        Args:
            state: of block ``first - 1``; the normalised images alone for block 1.
            context: as in :meth:`forward`.
            first: first block to run, from 1.
            last: last block to run.

        Returns:
            The state after each block that ran: its output, and what else the next block needs,
            each (B, ...).
        """
        states = []
        for number in range(first, last + 1):
            features, *further = state
            if str(number) in self.context_inputs:
                if context is None:
                    raise ValueError(f"block {number} reads a context, and none was given")
                reader = self.context_inputs[str(number)]
                state = reader(partial(self.run, number, further=further), features, context)
            else:
                state = self.run(number, features, further)
            states.append(list(state))
        return states

    def run(self, number: int, features: Tensor, further: Sequence[Tensor]) -> list[Tensor]:
        """Run one block.

        Args:
            number: of the block, from 1.
            features: the output of the block before it.
            further: what else that block handed on.

        Returns:
            The block's state, of as many tensors for images of every size.
        """
        return [self.blocks[number - 1](features)]

    def final_state(
        self, images: Tensor, context: Tensor | None = None, last: int = BLOCKS
    ) -> list[Tensor]:
        """The state after block ``last``; the images alone for 0."""
        return (self.states([images], context, last=last) or [[images]])[-1]

    def trainable(self, batch_norm: str) -> list[nn.Parameter]:
        """The parameters of the blocks that learn, in their order.

        Args:
            batch_norm: ``frozen``: scale and shift of batch norms do not learn, as in
                deeplab-pytorch; ``trained``: they do.
        """
        norms = nn.modules.batchnorm._BatchNorm
        return [
            parameter
            for module in self.blocks.modules()
            if batch_norm == "trained" or not isinstance(module, norms)
            for parameter in module.parameters(recurse=False)
            if parameter.requires_grad
        ]

    def freeze(self, blocks: int) -> None:
        """Let the first ``blocks`` blocks keep their weights (context inputs still learn).

        They stay in evaluation mode, so that their features do not change: nothing is dropped out.
        """
        for block in self.blocks[:blocks]:
            block.requires_grad_(False)
        self._frozen = blocks
        self.train(self.training)

    def first_changing_block(self, frozen: int) -> int:
        """The first block whose output training can change: learning, or reading M."""
        reading = [int(number) for number in self.context_inputs]
        return min([frozen + 1, *reading])

    def train_batch_norms(self, frozen: int) -> None:
        """Let the batch norms after the first ``frozen`` blocks use and gather the batch's."""
        self._fixed_norms = frozen
        self.train(self.training)

    def train(self, mode: bool = True) -> Backbone:
        """Set the mode; frozen blocks and batch norms with stored statistics do not train."""
        super().train(mode)
        for block in self.blocks[: self._frozen]:
            block.eval()
        for block in self.blocks[: self._fixed_norms]:
            for module in block.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self
