"""The textures of context-shapes: six contexts that look unlike each other, and object skins.

Each is float32 (S, S, 3), RGB, about 0..1. Lengths are in pixels of an image of side 128 and
scale with the side.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import cv2
import numpy as np


def _noise(
    rng: np.random.Generator, size: int, cell: tuple[float, float], octaves: int = 3
) -> np.ndarray:
    """Smooth noise, float32 (S, S), about -1..1; cell: height and width in pixels of 128."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        shape = [max(2, round(128 / c * 2**octave) + 2) for c in cell]
        grid = rng.standard_normal([min(s, size) for s in shape]).astype(np.float32)
        total += cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC) * 0.55**octave
    return total / 1.6


def _coordinates(size: int) -> tuple[np.ndarray, np.ndarray]:
    line = np.arange(size, dtype=np.float32) * (128 / size)
    y, x = np.meshgrid(line, line, indexing="ij")
    return y, x


def _colour(
    rng: np.random.Generator, hue: float, saturation: float, value: float, jitter: float = 0.025
) -> np.ndarray:
    hue = (hue + rng.uniform(-jitter, jitter)) % 1
    saturation = np.clip(saturation * rng.uniform(0.8, 1.15), 0, 1)
    value = np.clip(value * rng.uniform(0.85, 1.12), 0, 1)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value), np.float32)


def _blend(low: np.ndarray, high: np.ndarray, weight: np.ndarray) -> np.ndarray:
    weight = np.clip(weight, 0, 1)[..., None].astype(np.float32)
    return low * (1 - weight) + high * weight


def _speckle(rng: np.random.Generator, image: np.ndarray, strength: float) -> np.ndarray:
    grain = _noise(rng, len(image), (2, 2), octaves=1)[..., None]
    return (image * (1 + strength * grain)).astype(np.float32)


def _sky(rng: np.random.Generator, size: int) -> np.ndarray:
    y, _ = _coordinates(size)
    clear = _blend(_colour(rng, 0.58, 0.55, 0.86), _colour(rng, 0.56, 0.25, 0.95), y / 128)
    cover = _noise(rng, size, (18, 40), octaves=4) * 0.9 + rng.uniform(-0.1, 0.25)
    return _speckle(rng, _blend(clear, np.full(3, 0.97, np.float32), cover), 0.02)


def _brick(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = _coordinates(size)
    height, width = rng.uniform(9, 12), rng.uniform(20, 26)
    y = y + rng.uniform(0, height)
    row = np.floor(y / height).astype(int)
    shifted = x + rng.uniform(0, width) + (row % 2) * width / 2
    column = np.floor(shifted / width).astype(int)
    mortar = (y % height < 1.8) | (shifted % width < 1.8)
    tone = rng.uniform(0, 1, (64, 64))[row % 64, column % 64]
    bricks = _blend(_colour(rng, 0.02, 0.72, 0.5), _colour(rng, 0.045, 0.6, 0.75), tone)
    wall = np.where(mortar[..., None], _colour(rng, 0.1, 0.12, 0.72), bricks)
    return _speckle(rng, wall * (1 + 0.08 * _noise(rng, size, (6, 6))[..., None]), 0.10)


def _sand(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = _coordinates(size)
    slope = rng.uniform(-0.4, 0.4)
    bend = _noise(rng, size, (40, 40), octaves=2)
    ripples = np.sin((y + slope * x + 9 * bend) * 2 * np.pi / rng.uniform(11, 16))
    low, high = _colour(rng, 0.11, 0.45, 0.72), _colour(rng, 0.125, 0.32, 0.93)
    dunes = _blend(low, high, ripples * 0.3 + 0.6)
    return _speckle(rng, dunes, 0.12)


def _water(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = _coordinates(size)
    bend = _noise(rng, size, (14, 34), octaves=3)
    waves = np.sin((y + 0.1 * x + 5 * bend) * 2 * np.pi / rng.uniform(6.5, 9))
    deep = _blend(_colour(rng, 0.55, 0.9, 0.28), _colour(rng, 0.51, 0.75, 0.6), waves * 0.4 + 0.5)
    glints = np.clip(waves - 0.82, 0, 1) * 4 * np.clip(_noise(rng, size, (5, 14)) + 0.3, 0, 1)
    return _speckle(rng, _blend(deep, np.full(3, 0.95, np.float32), glints), 0.05)


def _grass(rng: np.random.Generator, size: int) -> np.ndarray:
    blades = _noise(rng, size, (13, 2.2), octaves=2)
    patches = _noise(rng, size, (34, 34), octaves=2)
    low, high = _colour(rng, 0.31, 0.8, 0.22), _colour(rng, 0.24, 0.7, 0.66)
    green = _blend(low, high, 0.45 + 0.42 * blades + 0.12 * patches)
    return _speckle(rng, green, 0.12)


def _wood(rng: np.random.Generator, size: int) -> np.ndarray:
    _, x = _coordinates(size)
    width = rng.uniform(20, 28)
    shifted = x + rng.uniform(0, width)
    plank = np.floor(shifted / width).astype(int)
    tone = rng.uniform(-0.22, 0.22, 32)[plank % 32]
    grain = _noise(rng, size, (64, 3.2), octaves=3)
    low, high = _colour(rng, 0.07, 0.75, 0.26), _colour(rng, 0.085, 0.6, 0.58)
    boards = _blend(low, high, 0.5 + 0.3 * grain + tone)
    return _speckle(rng, np.where((shifted % width < 1.5)[..., None], boards * 0.3, boards), 0.05)


#: context -> function of a generator and the side in pixels
TEXTURES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "sky": _sky,
    "brick": _brick,
    "sand": _sand,
    "water": _water,
    "grass": _grass,
    "wood": _wood,
}


def object_texture(rng: np.random.Generator, size: int, behind: np.ndarray) -> np.ndarray:
    """Stripes or blotches of two colours of any hue, unlike the colour behind the object.

    Args:
        rng: of every draw.
        size: height and width in pixels.
        behind: mean colour, (3,), RGB, 0..1, of what the object hides.

    Returns:
        float32 (size, size, 3), about 0..1.
    """
    hues, steps = rng.random(12), rng.normal(0, 0.16, 12)
    saturations, values = rng.uniform(0.35, 0.95, 12), rng.uniform(0.35, 0.6, 12)
    pairs = np.stack(
        [
            [_colour(rng, hue, rich, 0.95), _colour(rng, hue + step, rich, value)]
            for hue, step, rich, value in zip(hues, steps, saturations, values, strict=True)
        ]
    )
    distances = np.abs(pairs.mean(axis=1) - behind).sum(axis=1)
    bright, dark = pairs[int(np.argmax(distances > 0.75))]
    y, x = _coordinates(size)
    angle, period = rng.uniform(0, np.pi), rng.uniform(5, 11)
    bend = _noise(rng, size, (26, 26), octaves=2)
    stripes = np.sin((x * np.cos(angle) + y * np.sin(angle) + 5 * bend) * 2 * np.pi / period)
    blotches = 2.2 * _noise(rng, size, (11, 11), octaves=3)
    pattern = (stripes, blotches, 0.6 * stripes + 0.8 * blotches)[int(rng.integers(3))]
    return _speckle(rng, _blend(dark, bright, 0.5 + 0.45 * pattern), 0.10)
