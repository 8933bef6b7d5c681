"""SEAM's losses of an image and its small view (Wang et al., CVPR 2020, section 3.4).

Each is a number for each image, so that those of several processes add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.networks.pixel_correlation import EPSILON, resize

#: share of the pixels whose maps are to be low, and of the elements that ECR counts
LOWEST, HARDEST = 4, 0.2


@dataclass(frozen=True)
class BranchMaps:
    """What the network makes of one view of images, at the view's own size.

    Attributes:
        cams: of any range, float32 (B, n, H, W).
        refined: float32 (B, n + 1, H, W), background first.
    """

    cams: Tensor
    refined: Tensor


def seam_losses(
    whole: BranchMaps, small: BranchMaps, tags: Tensor, counted: Tensor | None = None
) -> Tensor:
    """The four losses of every image.

    Args:
        whole: of the images.
        small: of the same images at a smaller scale.
        tags: float32 (B, n).
        counted: what each class counts, float32 (B, n); a class that counts 0 has no loss at all.

    Returns:
        (4, B): classification, minimum, ER and ECR; the first two are means of both views.
    """
    present = tags if counted is None else tags * (counted > 0)
    shown = present[:, :, None, None]
    both = (whole, small)
    classification = [
        F.multilabel_soft_margin_loss(branch.cams.mean(dim=(2, 3)), tags, counted, reduction="none")
        for branch in both
    ]
    minimum = [lowest_pixels(branch.refined[:, 1:] * shown) for branch in both]
    size = small.cams.shape[-2:]
    cams = [resize(normalised(branch.cams), size) * shown for branch in both]
    background = torch.ones_like(shown[:, :1])
    known = torch.cat([background, shown], dim=1)
    refined = [resize(normalised(branch.refined), size) * known for branch in both]
    targets = [with_background(maps.detach()) for maps in cams]
    return torch.stack(
        [
            (classification[0] + classification[1]) / 2,
            (minimum[0] + minimum[1]) / 2,
            (cams[0] - cams[1]).abs().mean(dim=(1, 2, 3)),
            hardest_elements(strongest_only(targets[1]) - refined[0])
            + hardest_elements(strongest_only(targets[0]) - refined[1]),
        ]
    )


def normalised(maps: Tensor) -> Tensor:
    """The positive part of each map from its least to its greatest value, 0..1.

    Args:
        maps: (B, k, H, W).
    """
    positive = F.relu(maps)
    least = positive.amin(dim=(2, 3), keepdim=True)
    greatest = positive.amax(dim=(2, 3), keepdim=True)
    return F.relu(positive - least - EPSILON) / (greatest - least + EPSILON)


def lowest_pixels(maps: Tensor) -> Tensor:
    """The mean of the lowest quarter of pixels of the maximum over the classes.

    It holds the refined maps down where nothing is.

    Args:
        maps: of the classes, (B, n, H, W).

    Returns:
        (B,).
    """
    strongest = maps.amax(dim=1).flatten(1)
    count = max(1, strongest.shape[1] // LOWEST)
    return F.relu(strongest.topk(count, dim=1, largest=False).values).mean(dim=1)


def with_background(maps: Tensor) -> Tensor:
    """The background, 1 less the strongest class, before the classes (B, n, H, W)."""
    return torch.cat([1 - maps.amax(dim=1, keepdim=True), maps], dim=1)


def strongest_only(maps: Tensor) -> Tensor:
    """Maps (B, n + 1, H, W) without the classes that are not the strongest at a pixel."""
    classes = maps[:, 1:]
    kept = classes.where(classes == classes.amax(dim=1, keepdim=True), 0.0)
    return torch.cat([maps[:, :1], kept], dim=1)


def hardest_elements(differences: Tensor) -> Tensor:
    """The mean of the fifth of the elements (B, n + 1, H, W) that differ most, (B,)."""
    elements = differences.abs().flatten(1)
    count = max(1, int(elements.shape[1] * HARDEST))
    return elements.topk(count, dim=1).values.mean(dim=1)
