"""ReCAM against a naive transcription of its equations (Chen et al., CVPR 2022, section 3)."""

from __future__ import annotations

import cv2
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
    found = float(objective.loss(sums, counts).detach())
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


def enlarged(maps: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, with the cells' centres as sampling points: (k, h, w) to (k, height, width)."""

    def weights(size: int, count: int) -> np.ndarray:
        found = np.zeros((size, count))
        for place in range(size):
            at = min(max((place + 0.5) * count / size - 0.5, 0.0), count - 1.0)
            low = int(at)
            found[place, low] += 1 - (at - low)
            found[place, min(low + 1, count - 1)] += at - low
        return found

    rows, columns = weights(height, maps.shape[1]), weights(width, maps.shape[2])
    return np.stack([rows @ one @ columns.T for one in maps])


@torch.no_grad()
@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.5, 1.5, 2.0)])
def test_the_extraction(scales: tuple[float, ...]) -> None:
    """CAMs by the product of both weights, summed over scales and flips, over each maximum."""
    model = network()
    height, width = 60, 90
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    keys = np.array([0, 2])
    found = extract(model, image, keys, scales)
    first, second = (
        w.flatten(1).double().numpy() for w in (model.classifier.weight, model.recam.weight)
    )
    grid, whole = np.zeros((2, 15, 23)), np.zeros((2, height, width))
    for scale in scales:
        size = (round(width * scale), round(height * scale))
        way = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        scaled = image if scale == 1 else cv2.resize(image, size, interpolation=way)
        for flipped in (False, True):
            pixels = scaled[:, ::-1] if flipped else scaled
            given = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]
            features = model.backbone(model.backbone.normalise(given))[-1][0].double().numpy()
            maps = np.zeros((2, *features.shape[1:]))
            for row, k in enumerate(keys):
                for channel in range(len(features)):
                    maps[row] += first[k, channel] * second[k, channel] * features[channel]
            maps = np.maximum(maps, 0)[:, :, :: -1 if flipped else 1]
            grid += enlarged(maps, 15, 23)
            # the network sees ceil(size / 16) cells, of which the last ones are cut off
            whole += enlarged(maps, 64, 96)[:, :height, :width]
    for ours, sums, tolerance in ((found.cam, grid, 1e-4), (found.high_res, whole, 1e-3)):
        expected = sums / (sums.max(axis=(1, 2), keepdims=True) + 1e-5)
        np.testing.assert_allclose(ours, expected, atol=tolerance)  # high_res is float16


@torch.no_grad()
def test_the_probability_is_the_first_classifiers() -> None:
    model = network()
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    logits = 0.0
    for pixels in (image, image[:, ::-1]):
        given = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]
        features = model.backbone(model.backbone.normalise(given))[-1][0].mean(dim=(1, 2))
        logits = logits + model.classifier.weight.flatten(1) @ features / 2
    found = extract(model, image, np.array([1]), (1.0,)).probability
    assert found is not None
    np.testing.assert_allclose(found, torch.sigmoid(torch.as_tensor(logits)), atol=1e-5)
