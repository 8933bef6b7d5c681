"""FPR and FNR against a transcription of SEAM's scorer, the confusion ratio against SeCo's."""

from __future__ import annotations

import numpy as np
import pytest

from conta_core.evaluation.scores.confusion import confusion_matrix
from conta_core.evaluation.scores.label_counts import LabelCounts, mean_over_labels

LABELS = 4

Pair = tuple[np.ndarray, np.ndarray]


def draw(seed: int) -> list[Pair]:
    """Every label is right somewhere, and no answer is 255."""
    rng = np.random.default_rng(seed)
    pairs = []
    for shape in ((6, 7), (20, 30)):
        truth = rng.choice([*range(LABELS), 255], shape).astype(np.uint8)
        prediction = rng.integers(0, LABELS, shape, dtype=np.uint8)
        prediction[0, :LABELS] = truth[0, :LABELS] = np.arange(LABELS)
        pairs.append((truth, prediction))
    return pairs


@pytest.mark.parametrize("seed", range(3))
def test_fpr_and_fnr_as_seam_counts(seed: int) -> None:
    """From T, P and TP of each label, over the pixels of the truth that count."""
    pairs = draw(seed)
    counts = LabelCounts.of(sum(confusion_matrix(t, p, LABELS) for t, p in pairs))
    for label in range(LABELS):
        true = sum(int((t == label).sum()) for t, _ in pairs)
        predicted = sum(int(((p == label) & (t < 255)).sum()) for t, p in pairs)
        both = sum(int(((t == label) & (p == t)).sum()) for t, p in pairs)
        union = true + predicted - both
        assert counts.union[label] == union
        assert counts.fpr()[label] == pytest.approx(100 * (predicted - both) / union)
        assert counts.fnr()[label] == pytest.approx(100 * (true - both) / union)


@pytest.mark.parametrize("seed", range(3))
def test_confusion_ratio_as_seco_counts(seed: int) -> None:
    """From a histogram of truth by prediction: column less diagonal over diagonal."""
    pairs = draw(seed)
    counts = LabelCounts.of(sum(confusion_matrix(t, p, LABELS) for t, p in pairs))
    hist = np.zeros((LABELS, LABELS))
    for truth, prediction in pairs:
        for t, p in zip(truth.flat, prediction.flat, strict=True):
            if t < LABELS:
                hist[t, p] += 1
    expected = [(hist[:, c].sum() - hist[c, c]) / hist[c, c] for c in range(LABELS)]
    np.testing.assert_allclose(counts.confusion_ratio(), expected)
    assert mean_over_labels(counts.confusion_ratio()) == pytest.approx(np.mean(expected))
