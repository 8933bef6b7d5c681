"""How probable each tag is in an image's context, and the weights that undo it.

The back-door adjustment of what is merely observed: an image with the class x in the context c was
drawn with P(x | c), and under do(x) it would have been drawn with P(x). Weighted by
P(x) / P(x | c), the observed images stand for those (inverse probability weighting; Robins, Hernan
and Brumback, Epidemiology 2000: stabilised weights; P(x | c) is the propensity score of Rosenbaum
and Rubin, Biometrika 1983). No ground truth is used (docs/method.md, "The intervention").
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.storage.stores.reader import StoreReader

LOGGER = logging.getLogger(__name__)

#: parts of the images; what is said of one is learned from the others
FOLDS = 5
#: weights of the squared coefficients, of which the one that foretells the tags best is taken
PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0)
#: a propensity is held this far from 0 and 1
LEAST = 0.01
#: the greatest weight; a few images alone would else decide
GREATEST = 5.0
STEPS = 100


def propensities(
    contexts: np.ndarray, tags: np.ndarray, device: torch.device | str = "cpu"
) -> np.ndarray:
    """P(tag | context) by a logistic regression a class, of each image without the image's help.

    Args:
        contexts: what describes each image's context, float (m, d).
        tags: 1 where an image has the class, (m, n).
        device: that computes.

    Returns:
        float32 (m, n), within 0 and 1; for fewer than two images a fold the share of each class.
    """
    share = np.broadcast_to(tags.mean(axis=0), tags.shape)
    if len(tags) < 2 * FOLDS:
        return _held(share)
    deviation = contexts.std(axis=0)
    scaled = (contexts - contexts.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    inputs = torch.from_numpy(scaled.astype(np.float64)).to(device)
    targets = torch.from_numpy(tags.astype(np.float64)).to(device)
    found = [_foretold(inputs, targets, penalty) for penalty in PENALTIES]
    losses = [float(F.binary_cross_entropy(one, targets)) for one in found]
    best = int(np.argmin(losses))
    LOGGER.info(
        "P(tag | context): log loss %.3f, with the shares of the classes alone %.3f (penalty %g)",
        losses[best],
        float(F.binary_cross_entropy(targets.mean(dim=0).expand_as(targets), targets)),
        PENALTIES[best],
    )
    return _held(found[best].cpu().numpy())


def balancing_weights(propensity: np.ndarray, tags: np.ndarray) -> np.ndarray:
    """Weights of the loss of each class on each image.

    Args:
        propensity: P(tag | context), (m, n).
        tags: 1 where an image has the class, (m, n).

    Returns:
        float32 (m, n): P(x) / P(x | c) of what each image shows of the class, its presence or its
        absence; :data:`GREATEST` at most, and in whole thousandths, so that how a machine adds up
        does not tell.
    """
    share = tags.mean(axis=0)
    weights = np.where(tags > 0, share / propensity, (1 - share) / (1 - propensity))
    return np.minimum(weights, GREATEST).round(3).astype(np.float32)


def read_weights(
    path: str, manifest: Manifest, ids: Sequence[str], device: torch.device | str = "cpu"
) -> dict[str, np.ndarray]:
    """The weights of training images by the contexts that a round found.

    Args:
        path: of objects.h5.
        manifest: of the data set.
        ids: images that it must hold.
        device: that computes.

    Returns:
        Image id -> float32 (n,).

    Raises:
        ContaError: missing, broken, of other images or classes, or without contexts.
    """
    with StoreReader(path, "objects", ids, manifest.classes) as store:
        contexts = np.stack([store.read(i, "context") for i in ids]).astype(np.float64)
    if not contexts.shape[1]:
        raise ContaError(
            f"{path}: holds no contexts, expected one of each image; delete it and let the "
            "workflow measure the objects again"
        )
    tags = np.stack([manifest.tag_vector(i) for i in ids])
    found = propensities(contexts, tags, device)
    return dict(zip(ids, balancing_weights(found, tags), strict=True))


def _foretold(inputs: torch.Tensor, targets: torch.Tensor, penalty: float) -> torch.Tensor:
    """The probabilities of each fold by the regressions of the others."""
    fold = torch.arange(len(inputs)) % FOLDS
    found = torch.empty_like(targets)
    for held_out in range(FOLDS):
        there = fold == held_out
        weight, bias = _fit(inputs[~there], targets[~there], penalty)
        found[there] = torch.sigmoid(inputs[there] @ weight + bias)
    return found


def _fit(
    inputs: torch.Tensor, targets: torch.Tensor, penalty: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Coefficients (d, n) and intercepts (n,) of a logistic regression a class."""
    weight = torch.zeros(inputs.shape[1], targets.shape[1], dtype=inputs.dtype, requires_grad=True)
    bias = torch.zeros(targets.shape[1], dtype=inputs.dtype, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        logits = inputs @ weight + bias
        losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        value = losses.mean(dim=0).sum() + penalty * (weight**2).sum()
        value.backward()
        return value

    optimiser.step(loss)
    return weight.detach(), bias.detach()


def _held(probability: np.ndarray) -> np.ndarray:
    return np.clip(probability, LEAST, 1 - LEAST).astype(np.float32)
