"""What all segmentation models share: a backbone and a head at several input scales (MSC)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.networks.backbones.taps import run_frozen, run_rest
from conta_core.networks.registry import BLOCKS, build_backbone


class SegmentationNetwork(nn.Module, ABC):
    """A backbone and a head, at several input scales (deeplab-pytorch's MSC).

    A subclass adds its head in :meth:`add_head` and runs it in :meth:`head`.

    Args:
        class_count: n, without the background; logits have n + 1 channels.
        backbone: name, see :func:`~conta_core.networks.registry.build_backbone`.
        weights: of the backbone.
        output_stride: of the backbone's last block.
        scales: further input scales beside 1.
        seed: of the head.
        own: of this network alone, see :attr:`keys`.

    Attributes:
        taps: the blocks of the backbone that the head reads, in order; the last one is the last
            block.
        keys: keys of its settings that :meth:`add_head` takes.
    """

    taps: ClassVar[tuple[int, ...]] = (BLOCKS,)
    keys: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        class_count: int,
        backbone: str,
        weights: str,
        output_stride: int,
        scales: Sequence[float],
        seed: int = 0,
        **own: Any,
    ) -> None:
        super().__init__()
        self.scales = tuple(scales)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.backbone = build_backbone(backbone, weights, output_stride)
            self.add_head(class_count + 1, **own)

    @abstractmethod
    def add_head(self, outputs: int, **own: Any) -> None:
        """Make the parts of the head, whose draws come from torch's random state.

        Args:
            outputs: channels of the logits.
            own: the settings of :attr:`keys`.
        """

    @abstractmethod
    def head(self, taps: Sequence[Tensor]) -> Tensor:
        """Logits (B, n + 1, h, w) from the outputs of the blocks :attr:`taps`."""

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        """Logits of the classes, background first.

        Args:
            images: (B, 3, H, W), normalised.

        Returns:
            In evaluation the maximum over the scales, (B, n + 1, h, w); in training the list
            [scale 1, the further scales, maximum], each at its own size.
        """
        outputs = self.combine([self.logits([x], 1) for x in self.pyramid(images)])
        return outputs if self.training else outputs[-1]

    def pyramid(self, images: Tensor) -> list[Tensor]:
        """The images at scale 1 and at the further scales."""
        scaled = [
            F.interpolate(images, scale_factor=scale, mode="bilinear", align_corners=False)
            for scale in self.scales
        ]
        return [images, *scaled]

    def combine(self, logits: list[Tensor]) -> list[Tensor]:
        """The logits of the scales and, last, their maximum at the size of scale 1."""
        resized = [
            F.interpolate(x, logits[0].shape[-2:], mode="bilinear", align_corners=False)
            for x in logits[1:]
        ]
        maximum = logits[0]
        for other in resized:
            maximum = torch.maximum(maximum, other)
        return [*logits, maximum]

    def frozen(self, images: Tensor, first: int) -> list[Tensor]:
        """What the blocks before ``first`` make of images at one scale.

        Args:
            images: (B, 3, H, W), normalised.
            first: the first block that learns.

        Returns:
            The outputs that the head reads of blocks before the last of them, and the state after
            that one.
        """
        return run_frozen(self.backbone, self.taps, images, first)

    def logits(self, frozen: Sequence[Tensor], first: int) -> Tensor:
        """Logits (B, n + 1, h, w) at one scale from what :meth:`frozen` gave."""
        return self.head(run_rest(self.backbone, self.taps, frozen, first))

    def groups(self, settings: Any) -> list[dict[str, Any]]:
        """Parameter groups of SGD: the backbone 1x, the head's weights and biases faster.

        Biases and what else has one dimension learn twice as fast as the head's weights, without
        decay (deeplab-pytorch).

        Args:
            settings: :class:`~conta_core.settings.SegmentationSettings`.
        """
        rate, decay = settings.learning_rate, settings.weight_decay
        fast = rate * settings.head_factor
        own = {id(parameter) for parameter in self.backbone.parameters()}
        head = [parameter for parameter in self.parameters() if id(parameter) not in own]
        slow = self.backbone.trainable(settings.batch_norm)
        return [
            {"params": slow, "lr": rate, "weight_decay": decay},
            {"params": [p for p in head if p.ndim > 1], "lr": fast, "weight_decay": decay},
            {"params": [p for p in head if p.ndim <= 1], "lr": 2 * fast, "weight_decay": 0.0},
        ]


class NormalisedConvolution(nn.Sequential):
    """A convolution without bias, a group norm and a ReLU.

    A group norm knows no batch: it is the same for one image, for many, and in every process.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: side of the kernel.
        dilation: of the kernel.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, dilation: int = 1) -> None:
        padding = dilation * (kernel // 2)
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, 1, padding, dilation, bias=False),
            nn.GroupNorm(_groups(outputs), outputs),
            nn.ReLU(inplace=True),
        )


def _groups(channels: int) -> int:
    """32 groups, or the most below of at least 4 channels each: one channel alone has no bias."""
    fitting = [n for n in range(1, 33) if channels % n == 0 and channels // n >= 4]
    return max(fitting, default=1)
