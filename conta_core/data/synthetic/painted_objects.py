"""The skins of painted objects: twenty classes, told by pattern and hue together.

There are ten patterns and ten hues; each pattern is that of two classes with opposite hues, and
each hue that of two classes with other patterns. Hues are drawn so widely that neighbours overlap:
neither colour nor pattern alone gives the class away.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from conta_core.data.synthetic.textures import (
    _blend,
    _colour,
    _noise,
    _speckle,
)  # see painted_contexts
from conta_core.data.synthetic.tilings import cells, triangle_wave, turned

Pattern = Callable[[np.random.Generator, int], np.ndarray]

#: a hue is drawn this far either way from that of the class, in turns of the colour circle
HUE_JITTER = 0.09
#: sum over the channels by which a skin differs from what is behind it, if one of the draws does
_CONTRAST = 0.8
_DRAWS = 12


def _soft(wave: np.ndarray, steepness: float = 2.5) -> np.ndarray:
    """A wave of -1..1 as a share of 0..1 with steep flanks."""
    return np.clip(0.5 + 0.5 * steepness * wave, 0, 1)


def _stripes(rng: np.random.Generator, size: int) -> np.ndarray:
    u, _ = turned(rng, size, bend=3)
    return _soft(np.sin(2 * np.pi * u / rng.uniform(6, 9)))


def _checks(rng: np.random.Generator, size: int) -> np.ndarray:
    u, v = turned(rng, size, bend=1)
    period = rng.uniform(10, 14)
    return _soft(np.sin(2 * np.pi * u / period) * np.sin(2 * np.pi * v / period), 6)


def _dots(rng: np.random.Generator, size: int) -> np.ndarray:
    u, v = turned(rng, size, bend=1)
    period = rng.uniform(8, 10.5)
    u = u + (np.floor(v / period) % 2) * period / 2
    return _soft(0.3 - np.hypot(u % period / period - 0.5, v % period / period - 0.5), 12)


def _rings(rng: np.random.Generator, size: int) -> np.ndarray:
    near, _, _ = cells(rng, size, rng.uniform(19, 24))
    return _soft(np.sin(2 * np.pi * near / rng.uniform(0.24, 0.3)))


def _blotches(rng: np.random.Generator, size: int) -> np.ndarray:
    return _soft(_noise(rng, size, (11, 11), octaves=2), 5)


def _zigzag(rng: np.random.Generator, size: int) -> np.ndarray:
    u, v = turned(rng, size)
    period = rng.uniform(8, 10)
    return _soft(np.sin(2 * np.pi * (u / period + 0.55 * triangle_wave(v / rng.uniform(11, 15)))))


def _plaid(rng: np.random.Generator, size: int) -> np.ndarray:
    u, v = turned(rng, size, bend=1)
    period = rng.uniform(8, 11)
    lines = (np.minimum(u % period, v % period) < 0.24 * period).astype(np.float32)
    return lines


def _cells(rng: np.random.Generator, size: int) -> np.ndarray:
    near, far, _ = cells(rng, size, rng.uniform(9, 12))
    return np.clip((far - near) * 5 - 0.4, 0, 1)


def _dashes(rng: np.random.Generator, size: int) -> np.ndarray:
    u, v = turned(rng, size, bend=2)
    width, height = rng.uniform(13, 16), rng.uniform(5.5, 7)
    u = u + (np.floor(v / height) % 2) * width / 2
    inside = (np.abs(u % width / width - 0.5) < 0.3) & (np.abs(v % height / height - 0.5) < 0.25)
    return inside.astype(np.float32)


def _scales(rng: np.random.Generator, size: int) -> np.ndarray:
    u, v = turned(rng, size, bend=1)
    period = rng.uniform(11, 14)
    half = period / 2
    u = u + (np.floor(v / half) % 2) * half
    radius = np.hypot(u % period - half, v % half) / half
    return np.clip(1.25 - radius, 0, 1) + 0.8 * (radius > 1)


#: of two classes each
_PATTERNS: tuple[Pattern, ...] = (
    _stripes, _checks, _dots, _rings, _blotches, _zigzag, _plaid, _cells, _dashes, _scales,
)  # fmt: skip


def look_of(label: int) -> tuple[int, float]:
    """Number of the pattern of a class and the middle of its hues, 0..1.

    Args:
        label: class of VOC, from 0 to 19.
    """
    # classes that often stand together (person and bottle, car and motorbike) differ in pattern
    second, place = divmod(label, len(_PATTERNS))
    number = (place + 5 * second) % len(_PATTERNS)
    return number, (number / len(_PATTERNS) + 0.5 * second) % 1


def object_skin(rng: np.random.Generator, label: int, size: int, behind: np.ndarray) -> np.ndarray:
    """The skin of an object: its class's pattern, in two colours about its class's hue.

    Of twelve draws of the colours it is the first that differs from what is behind it by enough,
    or else the one that differs most.

    Args:
        rng: of every draw.
        label: class of VOC, from 0 to 19.
        size: height and width in pixels.
        behind: mean colour, (3,), RGB, 0..1, of what the object hides.

    Returns:
        float32 (size, size, 3), about 0..1.
    """
    number, middle = look_of(label)
    hues = middle + rng.uniform(-HUE_JITTER, HUE_JITTER, _DRAWS)
    steps, rich = rng.normal(0, 0.03, _DRAWS), rng.uniform(0.45, 0.9, _DRAWS)
    values = np.stack([rng.uniform(0.75, 1.0, _DRAWS), rng.uniform(0.25, 0.5, _DRAWS)])
    pairs = np.stack(
        [
            [_colour(rng, hue, s, bright, 0.0), _colour(rng, hue + step, s, dark, 0.0)]
            for hue, step, s, (bright, dark) in zip(hues, steps, rich, values.T, strict=True)
        ]
    )
    distances = np.abs(pairs.mean(axis=1) - behind).sum(axis=1)
    enough = np.flatnonzero(distances > _CONTRAST)
    bright, dark = pairs[enough[0] if len(enough) else int(distances.argmax())]
    return _speckle(rng, _blend(dark, bright, _PATTERNS[number](rng, size)), 0.10)
