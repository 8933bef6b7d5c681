"""M at the input of a backbone block, as further input channels of its first convolutions.

The paper concatenates M to the feature map (section 3.3, "Block-n"). Every
convolution of the block that reads the block's input gets one more input channel, or
as many as M has: the block sees [features, M], and the convolutions can use it.
"""

from __future__ import annotations

import threading

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.errors import ContaError

#: hooks are the block's, which threads share, and not the call's
_ONE_AT_A_TIME = threading.Lock()


class ContextInput(nn.Module):
    """The weights by which one block reads M.

    Args:
        block: the backbone block; it is used, not owned.
        channels: channels of its input.
        generator: draws the new weights, and nothing else does.
        context_channels: of M.
    """

    def __init__(
        self,
        block: nn.Module,
        channels: int,
        generator: torch.Generator,
        context_channels: int = 1,
    ) -> None:
        super().__init__()
        readers = _input_convolutions(block, channels)
        if not readers:
            raise ContaError(
                "context.block names a block that does not begin with a plain convolution, so M "
                "cannot be concatenated to its input; choose another block or backbone"
            )
        self._readers = readers
        self.weights = nn.ParameterList()
        for name in readers:
            kernel = _convolution(block, name).weight
            fresh = torch.empty(kernel.shape[0], context_channels, *kernel.shape[2:])
            # as large as the block's own weights, so that a unit-sized M weighs as much as
            # one unit-sized feature
            fresh.normal_(0.0, float(kernel.detach().std()), generator=generator)
            self.weights.append(nn.Parameter(fresh))

    def forward(self, block: nn.Module, features: Tensor, context: Tensor) -> Tensor:
        """Run the block on [features, M].

        Args:
            block: the block given at the start.
            features: (B, C, H, W).
            context: M, (B, context_channels, h, w), in the same image coordinates, of any size.

        Returns:
            The block's output, (B, C', H', W').
        """
        resized = F.interpolate(
            context.to(features.dtype), features.shape[-2:], mode="bilinear", align_corners=False
        )
        with _ONE_AT_A_TIME:
            hooks = [
                _convolution(block, name).register_forward_hook(_concatenate(weight, resized))
                for name, weight in zip(self._readers, self.weights, strict=True)
            ]
            try:
                return block(features)
            finally:
                for hook in hooks:
                    hook.remove()


def _concatenate(weight: Tensor, context: Tensor):  # type: ignore[no-untyped-def]
    """A hook that makes conv(x) into conv([x, M]): a convolution is additive over channels."""

    def hook(module: nn.Conv2d, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + F.conv2d(
            context, weight, None, module.stride, module.padding, module.dilation
        )

    return hook


def _input_convolutions(block: nn.Module, channels: int) -> list[str]:
    """Names of the plain convolutions that read the block's very input."""
    probe = torch.zeros(1, channels, 16, 16)
    found: list[str] = []
    hooks = [
        module.register_forward_pre_hook(
            lambda module, inputs, name=name: found.append(name) if inputs[0] is probe else None
        )
        for name, module in block.named_modules()
        if type(module) is nn.Conv2d and module.groups == 1
    ]
    with torch.no_grad():
        block(probe)
    for hook in hooks:
        hook.remove()
    return found


def _convolution(block: nn.Module, name: str) -> nn.Conv2d:
    module = block.get_submodule(name)
    assert isinstance(module, nn.Conv2d)
    return module
