from __future__ import annotations

import numpy as np
import pytest

from conta_core.causal.intervention.threshold import THRESHOLDS, areas_above, same_area_threshold
from conta_core.errors import ContaError
from conta_core.refinement.pseudo_masks import label_argmax


@pytest.mark.parametrize("count", [0, 1, 3])
def test_areas_are_those_of_the_labels(count: int) -> None:
    maps = np.random.default_rng(count).random((count, 12, 20)).astype(np.float32)
    maps[:, :, :5] = 0.5  # equals a threshold, where background wins
    keys = np.array([4, 0, 2])[:count]
    found = areas_above(maps, keys, THRESHOLDS)
    assert list(found) == keys.tolist()
    for position in (0, 1, 33, 50, 51, 100):
        labels = label_argmax(maps, keys, float(THRESHOLDS[position]))
        for key in keys.tolist():
            assert found[key][position] == (labels == key + 1).mean()


def halving(area: float) -> np.ndarray:
    """As large as ``area`` at 0.3, and ever smaller."""
    return area * 2 ** ((0.3 - THRESHOLDS) * 10)


def test_narrower_maps_get_a_lower_threshold() -> None:
    first = {f"{i}": {0: 0.1 + 0.01 * i} for i in range(9)}
    same = {name: {0: halving(own[0])} for name, own in first.items()}
    half = {name: {0: halving(own[0]) / 2} for name, own in first.items()}
    assert same_area_threshold(first, same, 1, (0.3, 3.0)) == 0.3
    assert same_area_threshold(first, half, 1, (0.3, 3.0)) == 0.2


def test_objects_that_are_not_trusted_have_no_say() -> None:
    """One that swallowed its context in round 0 and was found in this one, and one now seen."""
    first = {f"{i}": {0: 0.1} for i in range(9)} | {"swallowed": {0: 0.9}, "missed": {0: 0.001}}
    now = {name: {0: halving(own[0])} for name, own in first.items()}
    now |= {"swallowed": {0: halving(0.1)}, "missed": {0: halving(0.1)}}
    assert same_area_threshold(first, now, 1, (0.3, 3.0)) == 0.3
    assert same_area_threshold(first, now, 1, None) < 0.3


def test_a_class_of_its_own_size() -> None:
    """Trusted by the smaller median; each class counts with its area."""
    first = {f"{i}": {i % 2: (0.1, 0.2)[i % 2]} for i in range(10)}
    now = {i: {c: halving(a * (1.0, 0.5)[c]) for c, a in own.items()} for i, own in first.items()}
    # 0.5 and 1.0 before, 0.5 and 0.5 now: 2 ** (10 x) = 1.5
    expected = 0.3 - np.log2(1.5) / 10
    assert same_area_threshold(first, now, 2, (0.3, 3.0)) == pytest.approx(expected, abs=0.005)


def test_no_object_to_trust() -> None:
    with pytest.raises(ContaError, match="refined CAMs of 1 training images hold no object"):
        same_area_threshold({"a": {0: 0.0}}, {"a": {0: 0 * THRESHOLDS}}, 1, None)
