"""Pairs of grid cells and the paths between them (AffinityNet and IRNet; Ahn et al. 2018, 2019).

The affinity of two cells is 1 less the strongest edge on the straight path between
them (IRNet, equation 3). Training and the random walk use the same paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

Offset = tuple[int, int]


@dataclass(frozen=True)
class Path:
    """A target cell and the cells on the way to it, all relative to the origin (y, x)."""

    target: Offset
    cells: tuple[Offset, ...]


@lru_cache
def paths_within(radius: int) -> tuple[Path, ...]:
    """The paths to half of the neighbours nearer than ``radius``; the other half is symmetric.

    Targets are (0, x) with 1 <= x < R and (y, x) with 1 <= y < R and y^2 + x^2 < R^2; the
    path is every cell of the bounding box of origin and target whose squared distance
    to the line through both is below 1, both ends included.
    """
    targets = [(0, x) for x in range(1, radius)]
    targets += [
        (y, x)
        for y in range(1, radius)
        for x in range(-radius + 1, radius)
        if y * y + x * x < radius * radius
    ]
    return tuple(Path(target, _cells(target)) for target in targets)


def _cells(target: Offset) -> tuple[Offset, ...]:
    ty, tx = target
    length = ty * ty + tx * tx
    rows = range(min(0, ty), max(0, ty) + 1)
    columns = range(min(0, tx), max(0, tx) + 1)
    return tuple((y, x) for y in rows for x in columns if (y * tx - x * ty) ** 2 < length)


@dataclass(frozen=True)
class Window:
    """The origins of a path inside a grid, as the top row, left column and size."""

    top: int
    left: int
    height: int
    width: int

    def at(self, maps: Tensor, offset: Offset) -> Tensor:
        """The maps (..., h, w) at origin + offset, (..., height, width)."""
        y, x = self.top + offset[0], self.left + offset[1]
        return maps[..., y : y + self.height, x : x + self.width]


def all_origins(grid: tuple[int, int], target: Offset) -> Window:
    """The origins whose target lies inside the grid."""
    ty, tx = target
    return Window(0, max(0, -tx), grid[0] - ty, grid[1] - abs(tx))


def inner_origins(grid: tuple[int, int], radius: int) -> Window:
    """The origins all of whose targets lie inside the grid: those that training uses."""
    reach = radius - 1
    return Window(0, reach, grid[0] - reach, grid[1] - 2 * reach)


def affinities(edge: Tensor, path: Path, origins: Window) -> Tensor:
    """1 less the strongest edge on the path, (..., height, width) of the origins.

    Args:
        edge: probability of an edge, (..., h, w), 0..1.
        path: from each origin.
        origins: where the path starts.
    """
    strongest = origins.at(edge, path.cells[0])
    for cell in path.cells[1:]:
        strongest = torch.maximum(strongest, origins.at(edge, cell))
    return 1 - strongest


def pairs(grid: tuple[int, int], radius: int) -> Iterator[tuple[Path, Window]]:
    """Every path with its training origins."""
    origins = inner_origins(grid, radius)
    for path in paths_within(radius):
        yield path, origins
