"""ReCAM against a naive transcription of its equations (Chen et al., CVPR 2022, section 3)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from conta_core.networks.recam_net import RecamNet
from conta_core.seeds.cams import extract
from conta_core.seeds.recam_training import RecamObjective

CLASSES = 3


def network() -> RecamNet:
    model = RecamNet(CLASSES, "resnet18", "none", 16, seed=2).eval()
    with torch.no_grad():
        draws = torch.Generator().manual_seed(0)
        for weight in (model.classifier.weight, model.recam.weight):
            weight.copy_(torch.randn(weight.shape, generator=draws))
    return model


def naive_losses(
    features: np.ndarray, first: np.ndarray, second: np.ndarray, tags: np.ndarray
) -> tuple[float, float]:
    """Both losses over the batch's images, as the sum that is divided by how many there are."""
    margin = softmax = 0.0
    for f, present in zip(features, tags, strict=True):
        cells = [f[:, y, x] for y in range(f.shape[1]) for x in range(f.shape[2])]
        logits = first @ np.mean(cells, axis=0)
        for k in range(CLASSES):
            sigmoid = 1 / (1 + np.exp(-logits[k]))
            margin -= np.log(sigmoid if present[k] else 1 - sigmoid) / CLASSES
        own = []
        for k in np.flatnonzero(present):
            activations = [max(0.0, float(first[k] @ cell)) for cell in cells]
            top = max(activations) + 1e-5
            weighed = [a / top * cell for a, cell in zip(activations, cells, strict=True)]
            scores = second @ np.mean(weighed, axis=0)
            own.append(np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[k])
        softmax += float(np.mean(own)) if own else 0.0
    return margin, softmax


@pytest.mark.parametrize("weight", [1.0, 0.1])
def test_the_loss(weight: float) -> None:
    model = network()
    objective = RecamObjective(model, 5, weight)
    features = torch.rand(4, 512, 3, 4, generator=torch.Generator().manual_seed(1)) * 0.1
    tags = torch.tensor([[1.0, 0, 0], [1, 0, 1], [1, 1, 1], [0, 0, 0]])
    sums, counts = objective([features], {"tags": tags})
    found = float(objective.loss(sums, counts))
    weights = [
        w.detach().flatten(1).double().numpy()
        for w in (model.classifier.weight, model.recam.weight)
    ]
    margin, softmax = naive_losses(features.double().numpy(), *weights, tags.numpy())
    assert found == pytest.approx((margin + weight * softmax) / 4, rel=1e-4)


def test_the_features_of_a_class_carry_a_gradient() -> None:
    """The released code does not detach them: the backbone learns by the softmax too."""
    model = network()
    objective = RecamObjective(model, 5, 1.0)
    features = torch.rand(1, 512, 3, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
    sums, _ = objective([features], {"tags": torch.tensor([[0.0, 1.0, 0.0]])})
    sums[1].backward()
    assert features.grad is not None
    assert float(features.grad.abs().max()) > 0
    assert model.classifier.weight.grad is not None
    assert float(model.classifier.weight.grad.abs().max()) > 0


@torch.no_grad()
def test_the_extraction() -> None:
    """CAMs by the product of both weights, summed over scales and flips, over each maximum."""
    model = network()
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    keys = np.array([0, 2])
    found = extract(model, image, keys, (1.0,))
    pixels = torch.from_numpy(image.transpose(2, 0, 1).copy())[None]
    total = torch.zeros(2, 16, 24)
    for flip in (False, True):
        given = pixels.flip(-1) if flip else pixels
        features = model.backbone(model.backbone.normalise(given))[-1][0]
        product = (model.recam.weight * model.classifier.weight).flatten(1)[keys]
        maps = torch.einsum("kc,chw->khw", product, features).clamp_min(0)
        maps = maps.flip(-1) if flip else maps
        total += torch.nn.functional.interpolate(maps[None], (16, 24), mode="bilinear")[0]
    expected = total / (total.amax(dim=(1, 2), keepdim=True) + 1e-5)
    np.testing.assert_allclose(found.cam, expected.numpy(), atol=1e-4)
