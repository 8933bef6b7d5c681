"""IRNet's loss against a loop over pairs of cells."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from conta_core.refinement.irn_loss import EPSILON, WEIGHTS, irn_terms
from conta_core.training.objective import weighted_ratios

RADIUS = 3
GRID = (12, 14)


def irn_loss(
    edge_logits: torch.Tensor, displacement: torch.Tensor, labels: torch.Tensor, radius: int
) -> torch.Tensor:
    return weighted_ratios(*irn_terms(edge_logits, displacement, labels, radius), WEIGHTS, EPSILON)


def naive_loss(
    logits: np.ndarray, displacement: np.ndarray, labels: np.ndarray, radius: int
) -> float:
    """Pair by pair, over the origins all of whose targets lie on the grid."""
    height, width = labels.shape[1:]
    targets = [(0, x) for x in range(1, radius)] + [
        (y, x)
        for y in range(1, radius)
        for x in range(-radius + 1, radius)
        if y * y + x * x < radius * radius
    ]
    bg_pos, fg_pos, neg = [], [], []
    dp_fg: list[np.ndarray] = []
    dp_bg: list[np.ndarray] = []
    edge = 1 / (1 + np.exp(-logits[:, 0].astype(np.float64)))
    for b in range(len(labels)):
        for y in range(height - radius + 1):
            for x in range(radius - 1, width - radius + 1):
                for ty, tx in targets:
                    here, there = labels[b, y, x], labels[b, y + ty, x + tx]
                    if 255 in (here, there):
                        continue
                    strongest = 0.0
                    for py in range(min(0, ty), max(0, ty) + 1):
                        for px in range(min(0, tx), max(0, tx) + 1):
                            if (py * tx - px * ty) ** 2 / (ty * ty + tx * tx) < 1:
                                strongest = max(strongest, edge[b, y + py, x + px])
                    affinity = 1 - strongest
                    towards = displacement[b, :, y, x] - displacement[b, :, y + ty, x + tx]
                    if here != there:
                        neg.append(-np.log(1 + EPSILON - affinity))
                    elif here == 0:
                        bg_pos.append(-np.log(affinity + EPSILON))
                        dp_bg.append(np.abs(towards))
                    else:
                        fg_pos.append(-np.log(affinity + EPSILON))
                        dp_fg.append(np.abs(towards - np.array([ty, tx])))

    def mean(values: list[float]) -> float:
        return sum(values) / (len(values) + EPSILON)

    def mean_displacement(values: list[np.ndarray]) -> float:
        return sum(float(v.sum()) for v in values) / (2 * len(values) + EPSILON)

    positive = mean(bg_pos) / 2 + mean(fg_pos) / 2
    return (positive + mean(neg)) / 2 + (mean_displacement(dp_fg) + mean_displacement(dp_bg)) / 2


def draw(seed: int, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (2, 1, *GRID)).astype(np.float32)
    displacement = rng.normal(0, 2, (2, 2, *GRID)).astype(np.float32)
    labels = np.zeros((2, *GRID), np.uint8)
    if kind == "all":
        labels[0, 3:9, 2:8] = 1
        labels[0, 5:11, 7:12] = 3
        labels[1, 4:8] = 2
        labels[rng.random(labels.shape) < 0.15] = 255
    elif kind == "no background":
        labels[:, :, :6], labels[:, :, 6:] = 1, 2
    elif kind == "ignored":
        labels[:] = 255
    return logits, displacement, labels


@pytest.mark.parametrize("kind", ["all", "background", "no background", "ignored"])
def test_naive_pairs(kind: str) -> None:
    logits, displacement, labels = draw(0, kind)
    found = irn_loss(
        torch.from_numpy(logits), torch.from_numpy(displacement), torch.from_numpy(labels), RADIUS
    )
    expected = naive_loss(logits, displacement, labels, RADIUS)
    assert float(found) == pytest.approx(expected, rel=1e-4, abs=1e-7)
    assert (expected == 0) == (kind == "ignored")


@pytest.mark.parametrize("radius", [2, 4])
def test_other_radii(radius: int) -> None:
    logits, displacement, labels = draw(1, "all")
    found = irn_loss(*(torch.from_numpy(x) for x in (logits, displacement, labels)), radius)
    expected = naive_loss(logits, displacement, labels, radius)
    assert float(found) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", ["all", "background", "no background", "ignored"])
@pytest.mark.parametrize("scale", [1.0, 200.0])
def test_gradient_is_finite(kind: str, scale: float) -> None:
    """Also where the edge is exactly 0 or 1."""
    logits, displacement, labels = (torch.from_numpy(x) for x in draw(2, kind))
    logits, displacement = (scale * logits).requires_grad_(), displacement.requires_grad_()
    loss = irn_loss(logits, displacement, labels, RADIUS)
    loss.backward()
    assert torch.isfinite(loss)
    for leaf in (logits, displacement):
        assert leaf.grad is not None
        assert bool(torch.isfinite(leaf.grad).all())
    assert (float(displacement.grad.abs().sum()) > 0) == (kind != "ignored")


def test_perfect_maps_cost_next_to_nothing() -> None:
    """Edges on the boundary alone; foreground points at its centre, background nowhere."""
    labels = torch.zeros(1, 16, 16, dtype=torch.uint8)
    labels[:, 4:12, 4:12] = 1
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    displacement = torch.stack([7.5 - rows, 7.5 - columns])[None] * (labels == 1)
    inside = irn_loss(torch.full((1, 1, 16, 16), -20.0), displacement, labels, RADIUS)
    edge = torch.full((1, 1, 16, 16), -20.0)
    edge[0, 0, 4, 4:12] = edge[0, 0, 11, 4:12] = edge[0, 0, 4:12, 4] = edge[0, 0, 4:12, 11] = 20.0
    outlined = irn_loss(edge, displacement, labels, RADIUS)
    # missing edges cost -log(1e-5) / 2 on every negative pair
    assert float(inside) > 5
    assert float(outlined) < float(inside)
    wrong_way = irn_loss(edge, -displacement, labels, RADIUS)
    assert float(outlined) < float(wrong_way)
