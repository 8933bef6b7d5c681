"""Pixel-adaptive mask refinement, without training (PAMR; Araslanov and Roth, CVPR 2020)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.refinement.base import Refinement
from conta_core.refinement.pseudo_masks import STRIDE

#: a neighbour's colour difference counts by this share of the local deviation
SHARE = 0.1
EPSILON = 1e-8


class PamrRefinement(Refinement):
    """Brings CAMs to full size, lets PAMR move them to the image's edges, and brings them back.

    Args:
        inputs: with :class:`~conta_core.settings.refinement.PamrSettings`.
    """

    @torch.no_grad()
    def refine(self, image: np.ndarray, cam: np.ndarray) -> np.ndarray:
        """Refine the CAMs of one image: each cell gets the mean of its refined pixels."""
        settings, device = self.inputs.settings, self.inputs.device
        height, width = image.shape[:2]
        maps = F.interpolate(
            torch.from_numpy(cam).to(device)[None],
            scale_factor=float(STRIDE),
            mode="bilinear",
            align_corners=False,
        )[0, :, :height, :width]
        colours = torch.from_numpy(image.transpose(2, 0, 1).copy()).to(device).float() / 255
        refined = pamr(colours, maps, settings.dilations, settings.iterations)
        beyond = (0, -width % STRIDE, 0, -height % STRIDE)
        cells = F.avg_pool2d(F.pad(refined[None], beyond, mode="replicate"), STRIDE)[0]
        return cells.cpu().numpy().astype(np.float32)


def pamr(image: Tensor, maps: Tensor, dilations: Sequence[int], iterations: int) -> Tensor:
    """Let each pixel take the mean of its neighbours again and again, like colours counting more.

    The neighbours are the 8 around a pixel at each dilation. The weight of a neighbour is the
    softmax, over all neighbours, of the mean over the colour channels of
    -|difference| / (1e-8 + 0.1 deviation). The deviation is that of the neighbours and the pixel
    itself at each dilation. Beyond the border the border's pixels stand.

    Args:
        image: float (3, H, W).
        maps: float (k, H, W).
        dilations: in pixels.
        iterations: how often.

    Returns:
        The refined maps, the shape of ``maps``.
    """
    ones = torch.stack(list(_shifted(image, dilations, centre=True)))
    # (3, H, W); of 9 samples a dilation, each counted
    deviation = ones.std(dim=0)
    scores = [
        -((other - image).abs() / (EPSILON + SHARE * deviation)).mean(dim=0)
        for other in _shifted(image, dilations)
    ]
    weights = torch.stack(scores).softmax(dim=0)
    for _ in range(iterations):
        others = _shifted(maps, dilations)
        maps = sum(
            (weight * other for weight, other in zip(weights, others, strict=True)),
            torch.zeros_like(maps),
        )
    return maps


def _shifted(maps: Tensor, dilations: Sequence[int], centre: bool = False) -> Iterator[Tensor]:
    """The maps (c, H, W) as each neighbour gives them, by dilation, row and column."""
    height, width = maps.shape[-2:]
    for dilation in dilations:
        padded = F.pad(maps[None], (dilation,) * 4, mode="replicate")[0]
        for row in range(3):
            for column in range(3):
                if centre or (row, column) != (1, 1):
                    top, left = row * dilation, column * dilation
                    yield padded[:, top : top + height, left : left + width]
