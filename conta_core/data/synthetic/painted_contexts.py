"""The contexts of painted masks: twenty textures that look unlike each other, one a class of VOC.

Six are those of context-shapes. Each is float32 (S, S, 3), RGB, about 0..1, and jittered in
colours, lengths and places. Lengths are in pixels of an image of side 128 and scale with the side.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from conta_core.data.synthetic.textures import TEXTURES as SHAPES_TEXTURES

# used from where they are: index_dataset reaches textures.py, so that moving them would make
# every finished run stale
from conta_core.data.synthetic.textures import _blend, _colour, _coordinates, _noise, _speckle
from conta_core.data.synthetic.tilings import cells, triangle_wave, turned

Texture = Callable[[np.random.Generator, int], np.ndarray]


def _gravel(rng: np.random.Generator, size: int) -> np.ndarray:
    near, far, tones = cells(rng, size, rng.uniform(6, 8))
    stones = _blend(_colour(rng, 0.6, 0.06, 0.42), _colour(rng, 0.08, 0.12, 0.8), tones)
    return _speckle(rng, stones * (0.35 + 0.65 * np.clip((far - near) * 3, 0, 1))[..., None], 0.05)


def _foliage(rng: np.random.Generator, size: int) -> np.ndarray:
    near, _, tones = cells(rng, size, rng.uniform(9, 13))
    leaves = _blend(_colour(rng, 0.27, 0.75, 0.62), _colour(rng, 0.33, 0.8, 0.4), tones)
    shade = np.clip(1.25 - 1.5 * near + 0.2 * _noise(rng, size, (20, 20)), 0.08, 1.1)
    return _speckle(rng, leaves * shade[..., None], 0.08)


def _marble(rng: np.random.Generator, size: int) -> np.ndarray:
    u, _ = turned(rng, size)
    bend = _noise(rng, size, (30, 30), octaves=4)
    veins = 1 - np.abs(np.sin(np.pi * (u + 26 * bend) / rng.uniform(30, 44)))
    stone = _colour(rng, 0.1, 0.04, 0.93) * (1 + 0.05 * bend[..., None])
    return _speckle(rng, _blend(stone, _colour(rng, 0.6, 0.15, 0.4), 0.9 * veins**5), 0.02)


def _asphalt(rng: np.random.Generator, size: int) -> np.ndarray:
    road = _speckle(rng, np.ones((size, size, 3), np.float32) * _colour(rng, 0.6, 0.06, 0.3), 0.25)
    u, v = turned(rng, size)
    period, gap = rng.uniform(52, 66), rng.uniform(26, 34)
    line = (np.abs(u % period - period / 2) < 2.2) & (v % gap < 0.62 * gap)
    return _blend(road, _colour(rng, 0.14, 0.3, 0.92), line * 0.9)


def _cobbles(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = _coordinates(size)
    height, width = rng.uniform(10, 13), rng.uniform(11, 14)
    y = y + rng.uniform(0, height)
    row = np.floor(y / height).astype(int)
    x = x + rng.uniform(0, width) + (row % 2) * width / 2
    column = np.floor(x / width).astype(int)
    from_middle = np.hypot(y % height / height - 0.5, x % width / width - 0.5)
    tone = rng.uniform(0, 1, (64, 64))[row % 64, column % 64]
    stones = _blend(_colour(rng, 0.62, 0.2, 0.42), _colour(rng, 0.62, 0.12, 0.68), tone)
    return _speckle(rng, stones * np.clip(1.7 - 2.6 * from_middle, 0.12, 1.1)[..., None], 0.06)


def _carpet(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = _coordinates(size)
    period = rng.uniform(26, 34)
    y, x = y + rng.uniform(0, period), x + rng.uniform(0, period)
    diamond = (np.abs(y % period - period / 2) + np.abs(x % period - period / 2)) / period
    bands = np.clip(3 * np.sin(2 * np.pi * diamond * 3), -1, 1) * 0.5 + 0.5
    woven = _blend(_colour(rng, 0.96, 0.8, 0.4), _colour(rng, 0.11, 0.6, 0.66), bands * 0.8)
    pile = 0.85 + 0.15 * np.sin(2 * np.pi * y / 2.6)
    return _speckle(rng, woven * pile[..., None], 0.06)


def _tiles(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = _coordinates(size)
    side = rng.uniform(14, 19)
    y, x = y + rng.uniform(0, 2 * side), x + rng.uniform(0, 2 * side)
    dark = (np.floor(y / side) + np.floor(x / side)) % 2
    floor = _blend(_colour(rng, 0.13, 0.14, 0.92), _colour(rng, 0.48, 0.5, 0.34), dark)
    grout = (y % side < 1.2) | (x % side < 1.2)
    return _speckle(rng, np.where(grout[..., None], 0.55, floor).astype(np.float32), 0.02)


def _wallpaper(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = _coordinates(size)
    period = rng.uniform(17, 23)
    y, x = y + rng.uniform(0, period), x + rng.uniform(0, period)
    bands = np.clip(6 * np.sin(2 * np.pi * x / period), -1, 1) * 0.5 + 0.5
    paper = _blend(_colour(rng, 0.93, 0.22, 0.92), _colour(rng, 0.91, 0.42, 0.76), bands)
    across = (x - 0.25 * period) % period - period / 2
    bud = np.hypot((y % period) - period / 2, across) < 2.6
    return _speckle(rng, _blend(paper, _colour(rng, 0.9, 0.7, 0.5), bud * 0.9), 0.02)


def _earth(rng: np.random.Generator, size: int) -> np.ndarray:
    near, far, tones = cells(rng, size, rng.uniform(19, 26))
    crust = _blend(_colour(rng, 0.06, 0.5, 0.5), _colour(rng, 0.075, 0.42, 0.66), tones)
    cracks = np.clip((far - near) * 9, 0, 1)
    return _speckle(rng, crust * (0.15 + 0.85 * cracks)[..., None], 0.12)


def _metal(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = _coordinates(size)
    side = rng.uniform(9, 12)
    y, x = y + rng.uniform(0, side), x + rng.uniform(0, side)
    turn = np.where((np.floor(y / side) + np.floor(x / side)) % 2 == 0, 1.0, -1.0)
    dy, dx = y % side - side / 2, x % side - side / 2
    along, across = (dy + turn * dx) / 2**0.5, (dy - turn * dx) / 2**0.5
    bar = np.clip(3 - np.hypot(along / (0.36 * side), across / (0.12 * side)) * 2.5, 0, 1)
    plate = _colour(rng, 0.6, 0.14, 0.52) * (1 + 0.1 * _noise(rng, size, (2, 60)))[..., None]
    return _speckle(rng, _blend(plate, np.full(3, 0.93, np.float32), bar * 0.85), 0.03)


def _lattice(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = _coordinates(size)
    period = rng.uniform(19, 25)
    u, v = x + y + rng.uniform(0, period), x - y + rng.uniform(0, period)
    over, under = u % period < 0.3 * period, v % period < 0.3 * period
    behind = _blend(
        _colour(rng, 0.36, 0.7, 0.1), _colour(rng, 0.33, 0.7, 0.3), _noise(rng, size, (9, 9)) + 0.5
    )
    slat = _colour(rng, 0.09, 0.3, 0.86)
    fence = np.where(under[..., None], slat * 0.72, behind)
    return _speckle(rng, np.where(over[..., None], slat, fence).astype(np.float32), 0.05)


def _heather(rng: np.random.Generator, size: int) -> np.ndarray:
    near, _, tones = cells(rng, size, rng.uniform(7, 9))
    ground = _blend(
        _colour(rng, 0.24, 0.5, 0.3),
        _colour(rng, 0.2, 0.45, 0.55),
        _noise(rng, size, (12, 5)) + 0.5,
    )
    flowers = _blend(_colour(rng, 0.8, 0.55, 0.62), _colour(rng, 0.76, 0.35, 0.9), tones)
    return _speckle(rng, _blend(ground, flowers, np.clip(4 * (0.48 - near), 0, 1)), 0.1)


def _knit(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = _coordinates(size)
    width, height = rng.uniform(11, 14), rng.uniform(6, 8)
    x = x + rng.uniform(0, width)
    stitch = (y + 0.55 * height * triangle_wave(x / width) + rng.uniform(0, height)) % height
    yarn = np.sin(np.pi * stitch / height) ** 0.7 * np.abs(np.sin(2 * np.pi * x / width)) ** 0.35
    return _speckle(
        rng, _blend(_colour(rng, 0.12, 0.85, 0.22), _colour(rng, 0.125, 0.7, 0.82), yarn), 0.08
    )


def _snow(rng: np.random.Generator, size: int) -> np.ndarray:
    drifts = 0.5 + 0.9 * _noise(rng, size, (26, 52), octaves=2)
    snow = _blend(_colour(rng, 0.61, 0.3, 0.78), _colour(rng, 0.58, 0.03, 0.98), drifts)
    glints = _noise(rng, size, (2.4, 2.4), octaves=1) > 1.15
    return np.where(glints[..., None], np.float32(0.62), _speckle(rng, snow, 0.02))


#: context -> function of a generator and the side in pixels; the c-th is typical of VOC's class c
CONTEXTS: dict[str, Texture] = {
    "sky": SHAPES_TEXTURES["sky"],  # aeroplane
    "gravel": _gravel,  # bicycle
    "foliage": _foliage,  # bird
    "water": SHAPES_TEXTURES["water"],  # boat
    "marble": _marble,  # bottle
    "asphalt": _asphalt,  # bus
    "cobbles": _cobbles,  # car
    "carpet": _carpet,  # cat
    "tiles": _tiles,  # chair
    "grass": SHAPES_TEXTURES["grass"],  # cow
    "wallpaper": _wallpaper,  # diningtable
    "sand": SHAPES_TEXTURES["sand"],  # dog
    "earth": _earth,  # horse
    "metal": _metal,  # motorbike
    "brick": SHAPES_TEXTURES["brick"],  # person
    "lattice": _lattice,  # pottedplant
    "heather": _heather,  # sheep
    "knit": _knit,  # sofa
    "snow": _snow,  # train
    "wood": SHAPES_TEXTURES["wood"],  # tvmonitor
}
