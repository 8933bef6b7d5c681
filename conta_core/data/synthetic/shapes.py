"""The shapes of context-shapes, drawn as coverage maps."""

from __future__ import annotations

import cv2
import numpy as np


def _star(points: int, inner: float) -> np.ndarray:
    angles = np.arange(2 * points) * np.pi / points - np.pi / 2
    radii = np.where(np.arange(2 * points) % 2 == 0, 1.0, inner)
    return radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _regular(corners: int, start: float) -> np.ndarray:
    angles = start + np.arange(corners) * 2 * np.pi / corners
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


_ARM = 0.36
#: outlines (x, y) in units of the radius; the ring's second outline is its hole
_OUTLINES: dict[str, list[np.ndarray]] = {
    "disc": [_regular(48, 0) * 0.95],
    "square": [np.array([(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)])],
    "triangle": [_regular(3, -np.pi / 2) * 1.15 + (0, 0.2)],
    "star": [_star(5, 0.5) * 1.15],
    "ring": [_regular(48, 0), _regular(48, 0) * 0.48],
    "cross": [
        np.array(
            [
                *((-_ARM, -1), (_ARM, -1), (_ARM, -_ARM), (1, -_ARM), (1, _ARM), (_ARM, _ARM)),
                *((_ARM, 1), (-_ARM, 1), (-_ARM, _ARM), (-1, _ARM), (-1, -_ARM), (-_ARM, -_ARM)),
            ]
        )
    ],
}
#: largest rotation either way, radians
_ROTATIONS = {
    "disc": np.pi,
    "square": 0.3,
    "triangle": 0.4,
    "star": np.pi,
    "ring": np.pi,
    "cross": 0.3,
}


def draw_shape(
    rng: np.random.Generator, name: str, centre: np.ndarray, radius: float, size: int
) -> np.ndarray:
    """Draw a shape, turned and stretched at random as far as it can still be told.

    Args:
        rng: of the turn and the stretch.
        name: a class of context-shapes.
        centre: (y, x) in pixels.
        radius: half the extent in pixels.
        size: height and width of the image in pixels.

    Returns:
        Coverage of each pixel, float32 (size, size), 0..1.
    """
    turn = rng.uniform(-1, 1) * _ROTATIONS[name]
    stretch = rng.uniform(0.88, 1.12)
    fine, shift = 4, 4
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    canvas = np.zeros((size * fine, size * fine), np.uint8)
    outlines = []
    for outline in _OUTLINES[name]:
        points = (outline * (stretch, 1 / stretch)) @ rotation * radius + centre[::-1]
        outlines.append(np.round(points * fine * (1 << shift)).astype(np.int32))
    cv2.fillPoly(canvas, outlines, 255, shift=shift)  # even-odd: the second outline is a hole
    small = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return (small / 255).astype(np.float32)


def full_area(alpha: np.ndarray, radius: float, name: str) -> float:
    """Area of a whole shape in pixels, with what lies outside of the image.

    Args:
        alpha: its coverage, float32 (S, S); never less than this area.
        radius: half the extent in pixels.
        name: a class of context-shapes.
    """
    outlines = _OUTLINES[name]
    areas = [cv2.contourArea((o * radius).astype(np.float32)) for o in outlines]
    return max(float(areas[0] - sum(areas[1:])), float((alpha > 0.5).sum()))


def edge_shade(alpha: np.ndarray) -> np.ndarray:
    """Factor that darkens a shape towards its edge, float32 (S, S), from its coverage."""
    deviation = alpha.shape[0] / 128 * 1.3
    inside = cv2.GaussianBlur(alpha, (0, 0), deviation)
    return 0.35 + 0.65 * np.clip((inside - 0.5) / 0.4, 0, 1)
