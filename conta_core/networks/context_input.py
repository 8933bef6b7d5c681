"""M at the input of a backbone block.

The paper concatenates M to the feature map (section 3.3, "Block-n"). Every
convolution of the block that reads the block's input gets one more input channel, or
as many as M has: the block sees [features, M], and the convolutions can use it.

A block that begins otherwise, as those of transformers and ConvNeXt do, reads features + w M, with
a learned vector w for each channel of M. A linear layer on [features, M] can do no more than that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: hooks are the block's, which threads share, and not the call's
_ONE_AT_A_TIME = threading.Lock()


class ContextInput(nn.Module):
    """The weights by which one block reads M.

    Args:
        readers: the plain convolutions that read the block's input, see
            :func:`input_convolutions`; they are used, not owned. None: M is added to the input.
        channels: channels of the block's input.
        generator: draws the new weights, and nothing else does.
        context_channels: of M.
    """

    def __init__(
        self,
        readers: Sequence[nn.Conv2d],
        channels: int,
        generator: torch.Generator,
        context_channels: int = 1,
    ) -> None:
        super().__init__()
        self._readers = list(readers)  # no ModuleList, since they are the block's
        self.weights = nn.ParameterList()
        if not self._readers:
            added = torch.empty(channels, context_channels, 1, 1)
            # the norm of what a unit-sized M adds to a cell is that of one unit-sized feature
            added.normal_(0.0, channels**-0.5, generator=generator)
            self.weights.append(nn.Parameter(added))
        for reader in self._readers:
            kernel = reader.weight
            fresh = torch.empty(kernel.shape[0], context_channels, *kernel.shape[2:])
            # as large as the block's own weights, so that a unit-sized M weighs as much as
            # one unit-sized feature
            fresh.normal_(0.0, float(kernel.detach().std()), generator=generator)
            self.weights.append(nn.Parameter(fresh))

    def forward(
        self, run: Callable[[Tensor], list[Tensor]], features: Tensor, context: Tensor
    ) -> list[Tensor]:
        """Run the block on [features, M].

        Args:
            run: runs the block given at the start, from its input to its state.
            features: (B, C, H, W).
            context: M, (B, context_channels, h, w), in the same image coordinates, of any size.

        Returns:
            The block's state: its output, (B, C', H', W'), and what else it hands on.
        """
        resized = F.interpolate(
            context.to(features.dtype), features.shape[-2:], mode="bilinear", align_corners=False
        )
        if not self._readers:
            return run(features + F.conv2d(resized, self.weights[0]))
        with _ONE_AT_A_TIME:
            hooks = [
                reader.register_forward_hook(_concatenate(weight, resized))
                for reader, weight in zip(self._readers, self.weights, strict=True)
            ]
            try:
                return run(features)
            finally:
                for hook in hooks:
                    hook.remove()


def _concatenate(weight: Tensor, context: Tensor):  # type: ignore[no-untyped-def]
    """A hook that makes conv(x) into conv([x, M]): a convolution is additive over channels."""

    def hook(module: nn.Conv2d, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        below, beside = (inputs[0].shape[k] - context.shape[k] for k in (-2, -1))
        # a block may have padded its input: M is 0 beside the image
        padded = F.pad(context, (0, beside, 0, below)) if below or beside else context
        return output + F.conv2d(
            padded, weight, None, module.stride, module.padding, module.dilation
        )

    return hook


def input_convolutions(block: nn.Module, channels: int) -> list[nn.Conv2d]:
    """The plain convolutions that read the very input of a block, which takes (B, C, H, W)."""
    candidates = [
        module
        for module in block.modules()
        if type(module) is nn.Conv2d and module.groups == 1 and module.in_channels == channels
    ]
    if not candidates:
        return []
    probe = torch.zeros(1, channels, 16, 16)
    found: list[nn.Conv2d] = []
    hooks = [
        module.register_forward_pre_hook(
            lambda module, inputs: found.append(module) if inputs[0] is probe else None
        )
        for module in candidates
    ]
    # networks with windows of a fixed size refuse the probe, behind their first convolutions
    with torch.no_grad(), suppress(AssertionError, RuntimeError):
        block(probe)
    for hook in hooks:
        hook.remove()
    return found
