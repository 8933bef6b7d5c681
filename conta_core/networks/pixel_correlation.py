"""SEAM's pixel correlation module, PCM (Wang et al., CVPR 2020, section 3.3, equation 7).

A pixel's map becomes the mean of all pixels' maps, weighed by how alike their features are.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-5
#: channels of the two projected taps, and of the features that are compared
PROJECTED, COMPARED = (64, 128), 192
#: pixels whose affinities to all others are held at once
PIXELS_AT_ONCE = 2048


class PixelCorrelation(nn.Module):
    """The features by which pixels are compared, and the maps that they give.

    Args:
        channels: of the two taps.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        projections = [
            nn.Conv2d(inputs, outputs, 1, bias=False)
            for inputs, outputs in zip(channels, PROJECTED, strict=True)
        ]
        for projection in projections:
            nn.init.kaiming_normal_(projection.weight)
        self.projections = nn.ModuleList(projections)
        self.compare = nn.Conv2d(3 + sum(PROJECTED), COMPARED, 1, bias=False)
        nn.init.xavier_uniform_(self.compare.weight, gain=4)

    def forward(self, cams: Tensor, pixels: Tensor, taps: Sequence[Tensor]) -> Tensor:
        """The refined maps, cam_rv.

        Args:
            cams: (B, n, h, w), of any range; no gradient goes into them.
            pixels: the normalised images at the size of the maps, (B, 3, h, w).
            taps: outputs of two blocks, of any size; no gradient goes into them.

        Returns:
            float32 (B, n + 1, h, w), 0..1, background first.
        """
        projected = [
            F.relu(projection(resize(tap.detach(), pixels.shape[-2:])))
            for projection, tap in zip(self.projections, taps, strict=True)
        ]
        features = self.compare(torch.cat([pixels, *projected], dim=1)).float()
        with torch.autocast(features.device.type, enabled=False):
            return correlate(start_maps(cams.float()), features)


@torch.no_grad()
def start_maps(cams: Tensor) -> Tensor:
    """The maps that are spread: at each pixel the strongest class, and the background.

    Args:
        cams: (B, n, h, w).

    Returns:
        (B, n + 1, h, w): the background, 1 less the strongest class, then the classes, each over
        its maximum; 0 where another is stronger.
    """
    positive = F.relu(cams)
    scaled = F.relu(positive - EPSILON) / (positive.amax(dim=(2, 3), keepdim=True) + EPSILON)
    strongest = scaled.amax(dim=1, keepdim=True)
    return torch.cat([1 - strongest, scaled.where(scaled >= strongest, 0.0)], dim=1)


def correlate(maps: Tensor, features: Tensor) -> Tensor:
    """The mean of the maps over all pixels, weighed by the ReLU of the cosine of their features.

    Args:
        maps: (B, k, h, w).
        features: (B, C, h, w).

    Returns:
        (B, k, h, w).
    """
    given, compared = maps.flatten(2), features.flatten(2)
    compared = compared / (compared.norm(dim=1, keepdim=True) + EPSILON)
    spread = []
    for some in compared.split(PIXELS_AT_ONCE, dim=2):
        affinity = F.relu(compared.transpose(1, 2) @ some)
        spread.append(given @ affinity / (affinity.sum(dim=1, keepdim=True) + EPSILON))
    return torch.cat(spread, dim=2).unflatten(2, maps.shape[-2:])


def resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear, with the corners of both grids on each other, as SEAM resizes everywhere.

    Args:
        maps: (B, C, h, w).
        size: height and width.

    Returns:
        (B, C, *size).
    """
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    return F.interpolate(maps, tuple(size), mode="bilinear", align_corners=True)
