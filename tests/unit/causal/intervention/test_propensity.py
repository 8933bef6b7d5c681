from __future__ import annotations

import numpy as np
import pytest

from conta_core.causal.intervention.propensity import (
    GREATEST,
    LEAST,
    balancing_weights,
    propensities,
)

IMAGES, TIED = 400, 0.9


def confounded(tie: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Contexts, tags, and which images show the first class's context.

    The first class stands on its context as often as ``tie``; the second knows none.
    """
    generator = np.random.default_rng(seed)
    own = generator.random(IMAGES) < 0.4
    agrees = generator.random(IMAGES) < tie
    tags = np.stack([np.where(agrees, own, ~own), generator.random(IMAGES) < 0.5], axis=1)
    contexts = generator.normal(size=(IMAGES, 6))
    contexts[:, 0] += 4 * own
    return contexts, tags.astype(np.float32), own


def tie_of(tags: np.ndarray, own: np.ndarray, weights: np.ndarray) -> float:
    """P(class | its context) less P(class | another), of weighted images."""
    shares = [np.average(tags[there], weights=weights[there]) for there in (own, ~own)]
    return float(shares[0] - shares[1])


def test_weights_undo_the_tie() -> None:
    contexts, tags, own = confounded(TIED)
    found = propensities(contexts, tags)
    weights = balancing_weights(found, tags)
    assert found.dtype == weights.dtype == np.float32
    before = tie_of(tags[:, 0], own, np.ones(IMAGES))
    assert before > 0.7
    # not to nothing: the few images on the wrong side are held back by the greatest weight
    assert abs(tie_of(tags[:, 0], own, weights[:, 0])) < before / 2
    rare = (tags[:, 0] > 0) != own
    assert weights[rare, 0].mean() > 2
    assert weights[~rare, 0].mean() < 1


def test_where_contexts_say_nothing_all_count_alike() -> None:
    contexts, tags, _ = confounded(TIED)
    weights = balancing_weights(propensities(contexts, tags), tags)
    assert np.abs(weights[:, 1] - 1).mean() < 0.15
    assert np.abs(weights[:, 0] - 1).mean() > 0.3


def test_an_image_has_no_say_in_its_own() -> None:
    contexts, tags, _ = confounded(TIED)
    other = tags.copy()
    other[7] = 1 - other[7]
    before, after = propensities(contexts, tags), propensities(contexts, other)
    assert before[7] == pytest.approx(after[7], abs=1e-6)
    assert before[8] != pytest.approx(after[8], abs=1e-6)  # of another fold


def test_weights_are_ratios() -> None:
    tags = np.array([[1], [1], [0], [0]], np.float32)
    found = np.array([[0.25], [0.8], [0.25], [0.99]], np.float32)
    weights = balancing_weights(found, tags)
    assert weights[:, 0] == pytest.approx([2.0, 0.625, 0.667, GREATEST])


def test_probabilities_are_held_from_0_and_1() -> None:
    _, tags, own = confounded(1.0)
    tags[:, 1] = 0
    found = propensities(100 * own[:, None] + np.zeros((IMAGES, 40)), tags)
    assert found[:, 1] == pytest.approx(np.full(IMAGES, LEAST))
    assert found.max() <= np.float32(1 - LEAST)


@pytest.mark.parametrize("images", [1, 9])
def test_too_few_to_learn_from(images: int) -> None:
    contexts, tags, _ = confounded(TIED)
    found = propensities(contexts[:images], tags[:images])
    expected = np.clip(tags[:images].mean(axis=0), LEAST, 1 - LEAST)
    assert found == pytest.approx(np.broadcast_to(expected, found.shape))
    # a class that all images have, or none, is not weighted
    assert balancing_weights(found, tags[:images]) == pytest.approx(np.ones(found.shape), abs=0.02)


def test_a_class_that_all_have_and_a_context_that_never_changes() -> None:
    contexts, tags, _ = confounded(TIED)
    contexts[:, 1], tags[:, 1] = 3.0, 1.0
    weights = balancing_weights(propensities(contexts, tags), tags)
    assert np.isfinite(weights).all()
    assert np.abs(weights[:, 1] - 1).max() < 0.05
