"""Softmax Grad-CAM: an image's classes compete with its other classes and with backgrounds.

CLIP-ES (Lin et al., CVPR 2023), section 3.2; Grad-CAM (Selvaraju et al., ICCV 2017).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.networks.clip_tower import ClipTower


def softmax_grad_cams(
    tower: ClipTower, tokens: Tensor, texts: Tensor, classes: int, logit_scale: float
) -> Tensor:
    """The map of each class of an image, at the input norm of the tower's last block.

    The logits are the scaled cosines of image feature and text embeddings, and s is their softmax.
    The weight of a channel is the mean over the patches of the gradient of s_c there. The map is
    the ReLU of the weighted sum of the channels. Then its least value becomes 0, its greatest 1.

    The gradient is that of the log-odds of s_c. It is the same one over s_c (1 - s_c), which the
    last step undoes. That of s_c itself is lost in rounding where s_c is near 0 or 1.

    Args:
        tower: in evaluation mode.
        tokens: input of its last block, (1, tokens, C).
        texts: text embeddings (m, width): of the image's own classes, then of the backgrounds, of
            which there is one at least.
        classes: how many of them are the image's own classes, k.
        logit_scale: multiplies the cosines.

    Returns:
        float32 (k, patches), 0..1; 0 everywhere where no patch speaks for the class.
    """
    with torch.enable_grad():
        normed = tower.normed(tokens).detach().requires_grad_()
        feature = F.normalize(tower.feature(tokens, normed), dim=-1)
        logits = (logit_scale * feature @ F.normalize(texts, dim=-1).T)[0]
        gradients: list[Tensor] = []
        for index in range(classes):
            others = torch.cat([logits[:index], logits[index + 1 :]])
            odds = logits[index] - others.logsumexp(dim=0)
            keep = index < classes - 1
            gradients += torch.autograd.grad(odds, normed, retain_graph=keep)
    before = tower.vit.num_prefix_tokens
    patches = normed.detach()[0, before:]
    weights = torch.stack([gradient[0, before:].mean(dim=0) for gradient in gradients])
    return min_max(F.relu(weights @ patches.T))


def min_max(maps: Tensor) -> Tensor:
    """Shift and scale each map (k, n) to 0..1; a map of one value becomes 0."""
    least = maps.amin(dim=1, keepdim=True)
    span = maps.amax(dim=1, keepdim=True) - least
    return (maps - least) / span.where(span > 0, torch.ones_like(span))
