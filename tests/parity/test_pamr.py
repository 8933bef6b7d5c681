"""PAMR against a naive transcription of its equations (1-stage-wseg, CVPR 2020)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from conta_core.refinement.base import RefinementInputs
from conta_core.refinement.pamr import PamrRefinement, pamr
from conta_core.settings.refinement import PamrSettings

DILATIONS = (1, 2, 4)


def naive_pamr(image: np.ndarray, maps: np.ndarray, iterations: int) -> np.ndarray:
    """Pixel by pixel, in float64."""
    _, height, width = image.shape
    around = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]

    def at(values: np.ndarray, y: int, x: int) -> np.ndarray:
        return values[:, min(max(y, 0), height - 1), min(max(x, 0), width - 1)]

    weights = {}
    for y in range(height):
        for x in range(width):
            every = [(d * i, d * j) for d in DILATIONS for i, j in around]
            samples = np.stack([at(image, y + i, x + j) for i, j in every])
            deviation = samples.std(axis=0, ddof=1)
            others = [place for place in every if place != (0, 0)]
            scores = [
                -np.mean(
                    np.abs(at(image, y + i, x + j) - at(image, y, x)) / (1e-8 + 0.1 * deviation)
                )
                for i, j in others
            ]
            exponentials = np.exp(np.array(scores) - max(scores))
            weights[y, x] = (others, exponentials / exponentials.sum())
    for _ in range(iterations):
        after = np.zeros_like(maps)
        for (y, x), (others, shares) in weights.items():
            for (i, j), share in zip(others, shares, strict=True):
                after[:, y, x] += share * at(maps, y + i, x + j)
        maps = after
    return maps


@pytest.mark.parametrize("iterations", [1, 4])
def test_against_the_equations(iterations: int) -> None:
    draws = np.random.default_rng(0)
    image, maps = draws.random((3, 9, 11)), draws.random((2, 9, 11))
    given = torch.from_numpy(image).float(), torch.from_numpy(maps).float()
    found = pamr(*given, DILATIONS, iterations)
    np.testing.assert_allclose(found.numpy(), naive_pamr(image, maps, iterations), atol=1e-4)


def test_maps_move_to_the_edge_of_the_image() -> None:
    """A map that stops short of an object's edge reaches it, and does not go beyond."""
    image = np.full((48, 60, 3), 30, dtype=np.uint8)
    image[:, 28:] = 220
    cam = np.zeros((1, 12, 15), dtype=np.float32)
    cam[:, :, 9:] = 1
    given = RefinementInputs(PamrSettings(), ["shape"], torch.device("cpu"))
    refined = PamrRefinement(given).refine(image, cam)
    assert refined.dtype == np.float32
    assert refined.shape == cam.shape
    assert refined[0, 6, 8] > 0.4 > cam[0, 6, 8]
    assert refined[0, :, :6].max() < 0.05


@pytest.mark.parametrize("size", [(32, 32), (33, 47)])
def test_any_size(size: tuple[int, int]) -> None:
    draws = np.random.default_rng(1)
    grid = (-(-size[0] // 4), -(-size[1] // 4))
    cam = draws.random((2, *grid), dtype=np.float32)
    image = draws.integers(0, 256, (*size, 3), dtype=np.uint8)
    given = RefinementInputs(PamrSettings(iterations=2), ["a", "b"], torch.device("cpu"))
    refined = PamrRefinement(given).refine(image, cam)
    assert refined.shape == cam.shape
    assert 0 <= refined.min() <= refined.max() <= 1
