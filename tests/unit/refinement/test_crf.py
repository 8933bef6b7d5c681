from typing import Any

import cv2
import numpy as np
import pytest

from conta_core.networks.segmentation_output import softmax
from conta_core.refinement.crf import refine_labels, refine_probabilities
from conta_core.settings import CrfSettings, LabelCrfSettings


@pytest.fixture
def image() -> np.ndarray:
    """Dark left of column 20, bright right of it."""
    image = np.full((32, 40, 3), 40, dtype=np.uint8)
    image[:, 20:] = 220
    image.flags.writeable = False  # as PIL gives it
    return image


def one_map(image: np.ndarray, labels: np.ndarray, *settings: Any, **further: Any) -> np.ndarray:
    """The refined labels of one map of an image."""
    (refined,) = refine_labels(image, [labels], *settings, **further)
    return refined


def photograph(seed: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """Colours that change slowly, with noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    return cv2.add(smooth, rng.integers(0, 25, smooth.shape, dtype=np.uint8))


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_maps_of_an_image_share_their_kernels_and_nothing_else(count: int) -> None:
    """Each is what it would be alone, to the bit, whatever was asked before."""
    image, rng = photograph(count), np.random.default_rng(count)
    maps = [rng.integers(0, count, image.shape[:2]) for _ in range(3)]
    together = refine_labels(image, [*maps, maps[0]], count, LabelCrfSettings(), 0.9)
    alone = [one_map(image, labels, count, LabelCrfSettings(), 0.9) for labels in maps]
    for found, expected in zip(together, [*alone, alone[0]], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_labels_that_are_nowhere_probable_are_left_out() -> None:
    image, rng = photograph(1), np.random.default_rng(1)
    logits = rng.normal(0, 1, (6, 6, 8)).astype(np.float32)
    logits[3:] -= 8  # three labels that nobody would name
    full = np.stack([cv2.resize(one, (64, 48)) for one in logits])
    whole = refine_probabilities(image, softmax(full), CrfSettings())
    left = refine_probabilities(image, softmax(full), CrfSettings(skip_labels_below=0.05))
    assert not left[3:].any()
    np.testing.assert_allclose(left.sum(axis=0), 1, atol=1e-5)
    assert (left.argmax(axis=0) == whole.argmax(axis=0)).mean() > 0.99
    # those that stay are what they are among themselves
    alone = refine_probabilities(image, softmax(full[:3]), CrfSettings())
    assert np.abs(left[:3] - alone).max() < 0.05


def test_the_most_probable_label_of_a_pixel_is_never_left_out() -> None:
    even = np.full((4, 48, 64), 0.25, np.float32)
    even[:, 20:30] = np.array([0.3, 0.3, 0.1, 0.3])[:, None, None]
    found = refine_probabilities(photograph(2), even, CrfSettings(skip_labels_below=0.9))
    assert found[0].any()
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)


def test_labels_move_to_the_edge_of_the_image(image: np.ndarray) -> None:
    labels = np.zeros((32, 40), dtype=np.uint8)
    labels[:, 23:] = 1
    refined = one_map(image, labels, 2, LabelCrfSettings())
    expected = np.zeros((32, 40), dtype=np.uint8)
    expected[:, 20:] = 1
    assert refined.dtype == np.uint8
    np.testing.assert_array_equal(refined, expected)


def test_labels_are_what_pydensecrf_makes_of_its_own_unary(image: np.ndarray) -> None:
    import pydensecrf.densecrf as densecrf
    from pydensecrf.utils import unary_from_labels

    settings = LabelCrfSettings()
    labels = np.random.default_rng(0).integers(0, 3, (32, 40))
    field = densecrf.DenseCRF2D(40, 32, 3)
    field.setUnaryEnergy(unary_from_labels(labels, 3, 0.7, zero_unsure=False))
    field.addPairwiseGaussian(sxy=3, compat=3)
    field.addPairwiseBilateral(sxy=50, srgb=5, rgbim=image.copy(), compat=10)
    expected = np.argmax(field.inference(10), axis=0).reshape(32, 40)
    np.testing.assert_array_equal(one_map(image, labels, 3, settings), expected)


def test_labels_that_the_crf_is_not_sure_of(image: np.ndarray) -> None:
    """255 where the larger probability is below; the other labels stay."""
    labels = np.random.default_rng(0).integers(0, 2, (32, 40))
    settings = LabelCrfSettings(iterations=1)
    plain = one_map(image, labels, 2, settings)
    sizes = []
    for least in (0.0, 0.6, 0.8, 1.0):
        found = one_map(image, labels, 2, settings, ignore_below=least)
        assert set(np.unique(found)) <= {0, 1, 255}
        np.testing.assert_array_equal(found[found != 255], plain[found != 255])
        sizes.append(int((found == 255).sum()))
    assert sizes[0] == 0
    assert sizes == sorted(sizes)
    assert 0 < sizes[2] < plain.size


def test_one_label_is_background(image: np.ndarray) -> None:
    assert not one_map(image, np.zeros((32, 40), np.uint8), 1, LabelCrfSettings()).any()


@pytest.mark.parametrize("confidence", [1e-9, 1 - 1e-9])
def test_extreme_confidence_stays_finite(image: np.ndarray, confidence: float) -> None:
    labels = np.zeros((32, 40), dtype=np.uint8)
    labels[10:20, 10:20] = 1
    settings = LabelCrfSettings(
        confidence=confidence, gaussian_compat=0.0, bilateral_compat=0.0, iterations=1
    )
    expected = labels if confidence > 0.5 else 1 - labels
    np.testing.assert_array_equal(one_map(image, labels, 2, settings), expected)


def test_labels_outside_the_range_are_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected 0\.\.1"):
        one_map(image, np.full((32, 40), 2), 2, LabelCrfSettings())


def test_a_mean_subtracted_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        one_map(image.astype(np.float32), np.zeros((32, 40), int), 2, LabelCrfSettings())


def test_probabilities_stay_probabilities_and_follow_the_edge(image: np.ndarray) -> None:
    logits = np.zeros((3, 32, 40), dtype=np.float32)
    logits[1, :, 23:] = 1.0
    logits[0, :, :23] = 1.0
    refined = refine_probabilities(image, softmax(logits), CrfSettings())
    assert refined.shape == (3, 32, 40)
    assert refined.dtype == np.float32
    np.testing.assert_allclose(refined.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(refined.argmax(axis=0), np.arange(40)[None].repeat(32, 0) >= 20)


def test_without_kernels_probabilities_stay_as_they_are(image: np.ndarray) -> None:
    probabilities = softmax(np.random.default_rng(0).normal(size=(3, 32, 40)))
    settings = CrfSettings(gaussian_sxy=0.0, bilateral_srgb=0.0)
    refined = refine_probabilities(image, probabilities, settings)
    np.testing.assert_allclose(refined, probabilities, atol=1e-6)
