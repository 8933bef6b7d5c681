from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from conta_core.training.colour_jitter import ColourJitter

STRENGTHS = {"brightness": 0.3, "contrast": 0.4, "saturation": 0.5, "hue": 0.1}


def draw(seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return cv2.resize(coarse, (45, 30), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("name", STRENGTHS)
@pytest.mark.parametrize("seed", range(4))
def test_each_change_is_torchvision_s(name: str, seed: int) -> None:
    """As torchvision's functions of floats, which SEAM's training uses on bytes."""
    image = draw(seed)
    jitter = ColourJitter(**{**dict.fromkeys(STRENGTHS, 0.0), name: STRENGTHS[name]})
    found = jitter(image, np.random.default_rng(seed))
    draws = np.random.default_rng(seed)
    draws.permutation(4)
    change = STRENGTHS[name] * draws.uniform(-1, 1, 4)[list(STRENGTHS).index(name)]
    function = getattr(tv, f"adjust_{name}")
    pixels = torch.from_numpy(image.transpose(2, 0, 1).copy()).float() / 255
    expected = function(pixels, change if name == "hue" else 1 + change) * 255
    difference = np.abs(found - expected.numpy().transpose(1, 2, 0))
    assert difference.max() < 1.5
    assert np.abs(found.astype(int) - image).max() > 3


def test_all_of_them_in_an_order_by_chance() -> None:
    image, jitter = draw(), ColourJitter(**STRENGTHS)
    made = [jitter(image, np.random.default_rng(seed)) for seed in range(20)]
    assert all(one.dtype == np.uint8 and one.shape == image.shape for one in made)
    assert len({one.tobytes() for one in made}) == 20
    np.testing.assert_array_equal(made[3], jitter(image, np.random.default_rng(3)))


def test_nothing_is_changed_by_nothing() -> None:
    image = draw()
    np.testing.assert_array_equal(ColourJitter(0, 0, 0, 0)(image, np.random.default_rng(0)), image)


def test_the_strengths_move_no_draw() -> None:
    one, other = np.random.default_rng(0), np.random.default_rng(0)
    ColourJitter(0, 0, 0, 0)(draw(), one)
    ColourJitter(**STRENGTHS)(draw(), other)
    assert one.random() == other.random()
