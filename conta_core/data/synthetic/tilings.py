"""What repeats over a texture: random cells, turned coordinates, waves.

Maps are float32 or float64 (S, S). Lengths are in pixels of an image of side 128 and scale with
the side.
"""

from __future__ import annotations

import numpy as np

from conta_core.data.synthetic.textures import _coordinates, _noise  # see painted_contexts


def cells(
    rng: np.random.Generator, size: int, spacing: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells around points that lie one in each square of a grid, anywhere in it.

    Args:
        rng: of every draw.
        size: height and width in pixels.
        spacing: side of the grid's squares.

    Returns:
        Distance to the nearest point and to the next, in units of ``spacing``, and a number of
        each cell, uniform in 0..1; each (size, size).
    """
    y, x = _coordinates(size)
    y, x = y / spacing + 1, x / spacing + 1  # a square of margin
    count = int(128 / spacing) + 4
    points = rng.uniform(0.15, 0.85, (count, count, 2))
    tones = rng.uniform(0, 1, (count, count))
    row, column = np.floor(y).astype(int), np.floor(x).astype(int)
    distances, found = [], []
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            r, c = row + down, column + right
            distances.append(np.hypot(r + points[r, c, 0] - y, c + points[r, c, 1] - x))
            found.append(tones[r, c])
    order = np.argsort(np.stack(distances), axis=0, kind="stable")
    near, far = np.take_along_axis(np.stack(distances), order[:2], axis=0)
    return near, far, np.take_along_axis(np.stack(found), order[:1], axis=0)[0]


def turned(rng: np.random.Generator, size: int, bend: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates along two axes at right angles, turned and moved at random.

    Args:
        rng: of every draw.
        size: height and width in pixels.
        bend: by how much straight lines are bent.
    """
    y, x = _coordinates(size)
    angle = rng.uniform(0, 2 * np.pi)
    u = x * np.cos(angle) + y * np.sin(angle) + rng.uniform(0, 128)
    v = y * np.cos(angle) - x * np.sin(angle) + rng.uniform(0, 128)
    if bend:
        u = u + bend * _noise(rng, size, (32, 32), octaves=2)
        v = v + bend * _noise(rng, size, (32, 32), octaves=2)
    return u, v


def triangle_wave(phase: np.ndarray) -> np.ndarray:
    """-1..1 and back, straight, with each whole number of ``phase``."""
    return 4 * np.abs(phase % 1 - 0.5) - 1
