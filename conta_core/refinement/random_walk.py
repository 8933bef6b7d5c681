"""The boundary-aware random walk as a sparse walk (IRNet, section 4, equation 5).

The ancestor squares a dense N x N matrix T eight times: 552 MB a copy and 26 TFLOP for
a 375 x 500 image. A cell has at most 69 neighbours at radius 5, so T^256 maps is 256
products of a sparse matrix with the maps: the same numbers, less than 1 GFLOP.

Nor are 256 of them needed. T is similar to a symmetric matrix with eigenvalues in -1..1, where

    x^n = sum over k of w_k T_k(x),   w_k = 2^(1-n) binom(n, (n - k)/2)   (w_0 half of it)

with k of n's parity and the Chebyshev polynomials T_k, whose values take one product each. The
weights are those of n tosses of a coin, and vanish beyond a few times the root of n: 112
products give T^256 to 1e-12 (Sachdeva and Vishnoi, Faster Algorithms via Approximation Theory,
2014, section 3).
"""

from __future__ import annotations

import math
import warnings
from functools import lru_cache

import torch
from torch import Tensor

from conta_core.refinement.paths import affinities, all_origins, paths_within

# torch says so again and again; here once and for all, since filters are all threads'
warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
warnings.filterwarnings("ignore", message="Sparse invariant checks are implicitly disabled")

#: of what may be left out of the power of the matrix
TOLERANCE = 1e-12


def transition_matrix(edge: Tensor, radius: int, beta: float) -> Tensor:
    """The matrix of one step.

    Args:
        edge: probability of an edge, float (h, w), 0..1.
        radius: neighbourhood in cells.
        beta: power of the affinities.

    Returns:
        Sparse CSR (N, N), N = h w: row j holds affinity(i, j)^beta over the sum of column
        j, so that maps (N, k) step by ``matrix @ maps``. Self-affinity is 1; cells off the
        grid count as edges, so nothing leaves it.
    """
    height, width = edge.shape
    count = height * width
    cells = torch.arange(count, device=edge.device).view(height, width)
    rows, columns, values = [cells.flatten()], [cells.flatten()], [torch.ones_like(edge).flatten()]
    for path in paths_within(radius):
        if path.target[0] >= height or abs(path.target[1]) >= width:
            continue
        origins = all_origins((height, width), path.target)
        affinity = affinities(edge, path, origins).pow(beta).flatten()
        here = origins.at(cells, (0, 0)).flatten()
        there = origins.at(cells, path.target).flatten()
        rows += [here, there]
        columns += [there, here]
        values += [affinity, affinity]
    row, value = torch.cat(rows), torch.cat(values)
    degree = torch.zeros(count, device=edge.device, dtype=edge.dtype).index_add_(0, row, value)
    indices = torch.stack([row, torch.cat(columns)])
    matrix = torch.sparse_coo_tensor(
        indices, value / degree[row], (count, count), check_invariants=False
    )
    return matrix.coalesce().to_sparse_csr()


def random_walk(
    cams: Tensor, edge: Tensor, *, radius: int = 5, beta: float = 10.0, steps: int = 256
) -> Tensor:
    """Spread CAMs up to the edges.

    Args:
        cams: float (k, h, w) on the stride-4 grid; each starts as cam * (1 - edge).
        edge: probability of an edge, float (h, w), 0..1.
        radius: neighbourhood in cells.
        beta: power of the affinities.
        steps: how many; IRNet takes 2^8.

    Returns:
        float (k, h, w), not normalised.

    Raises:
        ValueError: the maps and the edge lie on different grids.
    """
    if cams.shape[1:] != edge.shape:
        raise ValueError(f"cams lie on {tuple(cams.shape[1:])}, the edge on {tuple(edge.shape)}")
    # double precision: in single, the rounding of the steps adds up to 5e-4 of the maximum
    edge = edge.double()
    matrix = transition_matrix(edge, radius, beta)
    maps = (cams.double() * (1 - edge)).flatten(1).T.contiguous()
    return _power(matrix, maps, steps).T.reshape(cams.shape).to(cams.dtype)


def _power(matrix: Tensor, maps: Tensor, steps: int) -> Tensor:
    """``matrix``^steps @ ``maps``, by the recursion T_(k+1)(x) = 2 x T_k(x) - T_(k-1)(x)."""
    first, *weights = chebyshev_weights(steps)
    walked = first * maps
    before, now = maps, maps
    for number, weight in enumerate(weights):
        after = torch.addmm(before, matrix, now, beta=-1, alpha=2) if number else matrix @ now
        before, now = now, after
        if weight:
            walked.add_(now, alpha=weight)
    return walked


@lru_cache
def chebyshev_weights(power: int) -> tuple[float, ...]:
    """The weights by which Chebyshev polynomials add up to x^power on -1..1.

    Args:
        power: 0 or more.

    Returns:
        Of T_0, T_1, ... up to the last that matters: what is left out adds up to
        :data:`TOLERANCE` at most.
    """
    weights = [
        math.comb(power, (power - k) // 2) / 2**power * (2 if k else 1) * ((power - k) % 2 == 0)
        for k in range(power + 1)
    ]
    left_out = 0.0
    while left_out + weights[-1] <= TOLERANCE:
        left_out += weights.pop()
    return tuple(weights)
