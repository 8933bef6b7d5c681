"""The boundary-aware random walk as a sparse walk (IRNet, section 4, equation 5).

The ancestor squares a dense N x N matrix eight times: 552 MB a copy and 26 TFLOP for
a 375 x 500 image. A cell has at most 69 neighbours at radius 5, so the same 2^8 steps
are 256 products with a sparse matrix: the same numbers, less than 1 GFLOP.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from conta_core.paths import affinities, all_origins, paths_within


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
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse")
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
    # double precision: in single, the rounding of 256 steps adds up to 5e-4 of the maximum
    edge = edge.double()
    matrix = transition_matrix(edge, radius, beta)
    maps = (cams.double() * (1 - edge)).flatten(1).T.contiguous()
    for _ in range(steps):
        maps = matrix @ maps
    return maps.T.reshape(cams.shape).to(cams.dtype)
