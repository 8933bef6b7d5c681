"""IRN: boundary and displacement heads on a frozen backbone (IRNet, section 3 and figure 2)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.networks.registry import BLOCKS, build_backbone

GRID_STRIDE = 4
COARSE_STRIDE = 8


class Irn(nn.Module):
    """Edge logits and displacements on the stride-4 grid.

    Args:
        backbone: name, see :func:`~conta_core.networks.registry.build_backbone`.
        weights: of the backbone, which stays as it is.
        output_stride: of the backbone's last block.
        seed: of the heads.
    """

    mean_displacement: Tensor

    def __init__(self, backbone: str, weights: str, output_stride: int, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.backbone = build_backbone(backbone, weights, output_stride)
            self.edge = EdgeHead(self.backbone.channels, self.backbone.strides)
            self.displacement = DisplacementHead(self.backbone.channels, self.backbone.strides)
        self.backbone.freeze(BLOCKS)
        self.register_buffer("mean_displacement", torch.zeros(2))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Edges and displacements.

        Args:
            images: (B, 3, H, W), normalised.

        Returns:
            Edge logits (B, 1, H/4, W/4), and displacements (B, 2, H/4, W/4) in cells, y
            first, less the stored mean in evaluation mode. Sizes are rounded up.
        """
        return self.heads(self.taps(images), _grid(images))

    def edges(self, images: Tensor) -> Tensor:
        """The edge logits of :meth:`forward` alone; the displacement head does not run."""
        return self.edge(self.taps(images), _grid(images))

    def taps(self, images: Tensor) -> list[Tensor]:
        """The frozen backbone's five feature maps, detached."""
        with torch.no_grad():
            return self.backbone(images)

    def heads(self, taps: list[Tensor], grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Both heads on the taps; ``grid`` is the size of the stride-4 grid."""
        displacement = self.displacement(taps, grid)
        if not self.training:
            displacement = displacement - self.mean_displacement.view(1, 2, 1, 1)
        return self.edge(taps, grid), displacement


class EdgeHead(nn.Module):
    """Five branches of 32 channels on the stride-4 grid, joined into one edge logit."""

    def __init__(self, channels: tuple[int, ...], strides: tuple[int, ...]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(_Branch(c, 32, 4) for c in channels)
        self.factors = [stride / GRID_STRIDE for stride in strides]
        self.join = nn.Conv2d(32 * len(channels), 1, 1)

    def forward(self, taps: list[Tensor], grid: tuple[int, int]) -> Tensor:
        """Edge logits (B, 1, h, w) from the five taps."""
        maps = [
            F.relu(_resize(branch(tap), factor, grid))
            for branch, tap, factor in zip(self.branches, taps, self.factors, strict=True)
        ]
        return self.join(torch.cat(maps, dim=1))


class DisplacementHead(nn.Module):
    """Taps 3 to 5 joined on the stride-8 grid, then with taps 1 and 2 on the stride-4 grid."""

    def __init__(self, channels: tuple[int, ...], strides: tuple[int, ...]) -> None:
        super().__init__()
        widths, groups = (64, 128, 256, 256, 256), (8, 16, 16, 16, 16)
        self.branches = nn.ModuleList(
            _Branch(c, width, group)
            for c, width, group in zip(channels, widths, groups, strict=True)
        )
        bases = (GRID_STRIDE, GRID_STRIDE, COARSE_STRIDE, COARSE_STRIDE, COARSE_STRIDE)
        self.factors = [stride / base for stride, base in zip(strides, bases, strict=True)]
        self.join_coarse = _Branch(768, 256, 16)
        self.join = nn.Sequential(
            _Branch(448, 256, 16), nn.ReLU(), nn.Conv2d(256, 2, 1, bias=False)
        )

    def forward(self, taps: list[Tensor], grid: tuple[int, int]) -> Tensor:
        """Displacements (B, 2, h, w) in cells from the five taps."""
        coarse = (-(-grid[0] // 2), -(-grid[1] // 2))
        sizes = (grid, grid, coarse, coarse, coarse)
        maps = [
            F.relu(_resize(branch(tap), factor, size))
            for branch, tap, factor, size in zip(
                self.branches, taps, self.factors, sizes, strict=True
            )
        ]
        joined = F.relu(_resize(self.join_coarse(torch.cat(maps[2:], dim=1)), 2.0, grid))
        return self.join(torch.cat([*maps[:2], joined], dim=1))


class _Branch(nn.Sequential):
    """A 1x1 convolution without bias and a group norm."""

    def __init__(self, inputs: int, outputs: int, groups: int) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 1, bias=False), nn.GroupNorm(groups, outputs))

    def forward(self, features: Tensor) -> Tensor:
        features = self[0](features)
        # torch sums a group's statistics less exactly in channels_last: padded zeros, all of
        # one value, shift displacements by more than 1e-4; training does without, a third faster
        return self[1](features if self.training else features.contiguous())


def _grid(images: Tensor) -> tuple[int, int]:
    """Size of the stride-4 grid over images (B, 3, H, W), rounded up."""
    height, width = images.shape[-2:]
    return -(-height // GRID_STRIDE), -(-width // GRID_STRIDE)


def _resize(features: Tensor, factor: float, size: tuple[int, int]) -> Tensor:
    """Scale by the ratio of the strides, then cut to the grid; bring a finer tap down to it."""
    if factor < 1:
        return F.interpolate(features, size, mode="bilinear", align_corners=False)
    if factor > 1:
        features = F.interpolate(
            features, scale_factor=factor, mode="bilinear", align_corners=False
        )
    # patches of 14 pixels are 3.5 cells: torch leaves a half out where the grid begins one
    if features.shape[-2] < size[0]:
        features = torch.cat([features, features[..., -1:, :]], dim=-2)
    if features.shape[-1] < size[1]:
        features = torch.cat([features, features[..., -1:]], dim=-1)
    return features[..., : size[0], : size[1]]


def build_irn(class_count: int, architecture: dict[str, Any]) -> Irn:
    """An IRN as its file describes it, without pretrained weights."""
    return Irn(**{**architecture, "weights": "none"})
