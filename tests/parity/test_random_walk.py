"""The sparse walk against the dense power of the transition matrix that IRNet takes."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.polynomial.chebyshev import chebval

from conta_core.refinement.paths import all_origins, inner_origins, paths_within
from conta_core.refinement.random_walk import chebyshev_weights, random_walk, transition_matrix


def naive_targets(radius: int) -> list[tuple[int, int]]:
    targets = []
    for y in range(radius):
        for x in range(-radius + 1, radius):
            if y == 0 and x < 1:
                continue
            if y * y + x * x < radius * radius:
                targets.append((y, x))
    return targets


def naive_path(target: tuple[int, int]) -> list[tuple[int, int]]:
    ty, tx = target
    cells = []
    for y in range(min(0, ty), max(0, ty) + 1):
        for x in range(min(0, tx), max(0, tx) + 1):
            if (y * tx - x * ty) ** 2 / (ty * ty + tx * tx) < 1:
                cells.append((y, x))
    return cells


def dense_transition(edge: np.ndarray, radius: int, beta: float) -> np.ndarray:
    """N x N, columns sum to 1, from a grid padded with edges at left, right and bottom."""
    height, width = edge.shape
    padded = np.ones((height + radius, width + 2 * radius))
    padded[:height, radius : radius + width] = edge
    affinity = np.eye(height * width)
    for target in naive_targets(radius):
        path = naive_path(target)
        for y in range(height):
            for x in range(width):
                value = 1 - max(padded[y + dy, x + radius + dx] for dy, dx in path)
                to_y, to_x = y + target[0], x + target[1]
                if to_y >= height or not 0 <= to_x < width:
                    assert value == 0
                    continue
                here, there = y * width + x, to_y * width + to_x
                affinity[here, there] = affinity[there, here] = value**beta
    return affinity / affinity.sum(axis=0)


def dense_walk(
    cams: np.ndarray, edge: np.ndarray, radius: int, beta: float, doublings: int
) -> np.ndarray:
    matrix = dense_transition(edge, radius, beta)
    for _ in range(doublings):
        matrix = matrix @ matrix
    start = (cams * (1 - edge)).reshape(len(cams), -1)
    return (start @ matrix).reshape(cams.shape)


def draw(seed: int, classes: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """CAMs and edges that are mostly low, with a few strong lines."""
    rng = np.random.default_rng(seed)
    edge = rng.random((height, width)) ** 4
    edge[:, width // 3] = 0.98
    edge[height // 2] = 0.9
    return rng.random((classes, height, width)).astype(np.float32), edge.astype(np.float32)


def largest_difference(found: torch.Tensor, expected: np.ndarray) -> float:
    return float(np.abs(found.numpy() - expected).max() / np.abs(expected).max())


def test_the_ancestor_s_numbers() -> None:
    cams, edge = draw(0, 3, 40, 48)
    found = random_walk(torch.from_numpy(cams), torch.from_numpy(edge))
    expected = dense_walk(cams.astype(np.float64), edge.astype(np.float64), 5, 10, 8)
    assert largest_difference(found, expected) <= 1e-4
    assert found.dtype == torch.float32
    # the walk did something: the start is far from the end
    assert largest_difference(torch.from_numpy(cams * (1 - edge)), expected) > 0.1


@pytest.mark.parametrize(
    ("height", "width", "radius", "beta", "doublings"),
    [
        (9, 14, 3, 10.0, 8),
        (14, 9, 3, 1.0, 3),
        (12, 12, 4, 2.5, 5),
        (10, 7, 5, 20.0, 0),
        (3, 4, 5, 10.0, 8),
        (2, 9, 5, 4.0, 4),
        (9, 1, 5, 4.0, 4),
        (1, 1, 5, 10.0, 8),
        (5, 6, 10, 3.0, 6),
    ],
)
def test_other_grids_and_settings(
    height: int, width: int, radius: int, beta: float, doublings: int
) -> None:
    cams, edge = draw(height * width, 2, height, width)
    edge = np.minimum(edge, 0.98)
    found = random_walk(
        torch.from_numpy(cams),
        torch.from_numpy(edge),
        radius=radius,
        beta=beta,
        steps=2**doublings,
    )
    expected = dense_walk(cams, edge.astype(np.float64), radius, beta, doublings)
    assert found.shape == (2, height, width)
    assert largest_difference(found, expected) <= 1e-4


@pytest.mark.parametrize("power", [0, 1, 2, 7, 64, 256, 1024])
def test_chebyshev_polynomials_add_up_to_the_power(power: int) -> None:
    values = np.linspace(-1, 1, 999)
    weights = chebyshev_weights(power)
    np.testing.assert_allclose(chebval(values, weights), values**power, rtol=0, atol=2e-12)
    assert sum(weights) == pytest.approx(1, abs=2e-12)


def test_fewer_products_than_steps() -> None:
    assert len(chebyshev_weights(256)) == 1 + 112


def test_no_steps_leave_the_start() -> None:
    cams, edge = draw(1, 2, 6, 8)
    found = random_walk(torch.from_numpy(cams), torch.from_numpy(edge), steps=0)
    np.testing.assert_allclose(found.numpy(), cams * (1 - edge), rtol=1e-6)


def test_zero_cams_stay_zero() -> None:
    _, edge = draw(2, 1, 7, 9)
    found = random_walk(torch.zeros(2, 7, 9), torch.from_numpy(edge))
    assert torch.equal(found, torch.zeros(2, 7, 9))


def test_no_classes() -> None:
    assert random_walk(torch.zeros(0, 7, 9), torch.zeros(7, 9), steps=2).shape == (0, 7, 9)


def test_matrix_entry_by_entry() -> None:
    _, edge = draw(3, 1, 8, 11)
    matrix = transition_matrix(torch.from_numpy(edge), 4, 3.0)
    # row j of ours is column j of the ancestor's
    np.testing.assert_allclose(
        matrix.to_dense().numpy(), dense_transition(edge, 4, 3.0).T, rtol=1e-4, atol=1e-7
    )


def test_what_the_walk_conserves() -> None:
    """A step averages over neighbours; what it conserves is the mass weighted by degree."""
    cams, edge = (torch.from_numpy(x).double() for x in draw(4, 2, 12, 15))
    matrix = transition_matrix(edge, 5, 10.0).to_dense()
    assert bool((matrix >= 0).all())
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(180, dtype=torch.float64))
    degree = 1 / matrix.diagonal()
    start = (cams * (1 - edge)).flatten(1)
    walked = random_walk(cams, edge, steps=40).flatten(1)
    torch.testing.assert_close(walked @ degree, start @ degree)
    assert bool((walked.amax(1) <= start.amax(1) + 1e-12).all())
    assert bool((walked.amin(1) >= start.amin(1) - 1e-12).all())


def test_a_closed_line_of_edges_is_not_crossed() -> None:
    edge = torch.zeros(12, 14)
    edge[:, 6] = 1.0
    cams = torch.zeros(1, 12, 14)
    cams[:, 4:8, 1:4] = 1.0
    walked = random_walk(cams, edge)[0]
    assert float(walked[:, :6].min()) > 0.1
    assert float(walked[:, 6:].max()) == 0.0


def test_grids_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="cams lie on"):
        random_walk(torch.zeros(1, 4, 5), torch.zeros(5, 4))


@pytest.mark.parametrize(("radius", "count"), [(2, 4), (3, 12), (5, 34), (10, 152)])
def test_targets(radius: int, count: int) -> None:
    paths = paths_within(radius)
    assert len(paths) == count
    assert {path.target for path in paths} == set(naive_targets(radius))
    for path in paths:
        assert sorted(path.cells) == sorted(naive_path(path.target)), path.target


@pytest.mark.parametrize(
    ("target", "cells"),
    [
        ((0, 1), {(0, 0), (0, 1)}),
        ((0, 3), {(0, 0), (0, 1), (0, 2), (0, 3)}),
        ((2, 0), {(0, 0), (1, 0), (2, 0)}),
        ((1, 1), {(0, 0), (0, 1), (1, 0), (1, 1)}),
        ((1, -1), {(0, 0), (0, -1), (1, 0), (1, -1)}),
        ((2, 2), {(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2)}),
        ((2, 3), {(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (1, 3), (2, 2), (2, 3)}),
        ((2, -3), {(0, 0), (0, -1), (1, 0), (1, -1), (1, -2), (1, -3), (2, -2), (2, -3)}),
    ],
)
def test_paths_by_hand(target: tuple[int, int], cells: set[tuple[int, int]]) -> None:
    path = next(path for path in paths_within(5) if path.target == target)
    assert set(path.cells) == cells
    assert len(path.cells) == len(cells)


def test_origins() -> None:
    """Whose target is inside, for the walk; all of whose targets are inside, for training."""
    cells = torch.arange(9 * 12).view(9, 12)
    for target in naive_targets(4):
        inside = [
            y * 12 + x
            for y in range(9)
            for x in range(12)
            if y + target[0] < 9 and 0 <= x + target[1] < 12
        ]
        assert all_origins((9, 12), target).at(cells, (0, 0)).flatten().tolist() == inside
    inner = [
        y * 12 + x
        for y in range(9)
        for x in range(12)
        if all(y + ty < 9 and 0 <= x + tx < 12 for ty, tx in naive_targets(4))
    ]
    assert inner_origins((9, 12), 4).at(cells, (0, 0)).flatten().tolist() == inner


# An image of 375 x 500 pixels: N = 11,750 cells; IRNet squares a dense N x N matrix 8 times.
GRID = (94, 125)
CELLS = GRID[0] * GRID[1]
DENSE_BYTES = 4 * CELLS * CELLS


def test_far_smaller_than_one_dense_matrix() -> None:
    assert round(DENSE_BYTES / 1e6) == 552
    matrix = transition_matrix(torch.zeros(GRID), 5, 10.0)
    assert matrix.values().numel() <= 69 * CELLS
    parts = (matrix.values(), matrix.col_indices(), matrix.crow_indices())
    held = sum(part.numel() * part.element_size() for part in parts)
    assert held < DENSE_BYTES / 50


def test_far_faster_than_the_dense_power() -> None:
    """The dense power costs 8 (11750/1500)^3 = 3,845 products of 1500 x 1500 matrices."""
    rng = torch.Generator().manual_seed(0)
    square = torch.rand(1500, 1500, generator=rng)
    edge = torch.rand(GRID, generator=rng) ** 4
    cams = torch.rand(3, *GRID, generator=rng)
    one_product = fastest(lambda: square @ square, 4)
    walk = fastest(lambda: random_walk(cams, edge, radius=5, beta=10.0, steps=256), 2)
    dense = 8 * (CELLS / 1500) ** 3 * one_product
    print(f"walk {walk:.2f} s; dense power about {dense:.0f} s, {dense / walk:.0f} times as long")
    assert walk < dense / 50


def fastest(call: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)
