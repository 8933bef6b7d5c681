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


def test_labels_move_to_the_edge_of_the_image(image: np.ndarray) -> None:
    labels = np.zeros((32, 40), dtype=np.uint8)
    labels[:, 23:] = 1
    refined = refine_labels(image, labels, 2, LabelCrfSettings())
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
    np.testing.assert_array_equal(refine_labels(image, labels, 3, settings), expected)


def test_labels_that_the_crf_is_not_sure_of(image: np.ndarray) -> None:
    """255 where the larger probability is below; the other labels stay."""
    labels = np.random.default_rng(0).integers(0, 2, (32, 40))
    settings = LabelCrfSettings(iterations=1)
    plain = refine_labels(image, labels, 2, settings)
    sizes = []
    for least in (0.0, 0.6, 0.8, 1.0):
        found = refine_labels(image, labels, 2, settings, ignore_below=least)
        assert set(np.unique(found)) <= {0, 1, 255}
        np.testing.assert_array_equal(found[found != 255], plain[found != 255])
        sizes.append(int((found == 255).sum()))
    assert sizes[0] == 0
    assert sizes == sorted(sizes)
    assert 0 < sizes[2] < plain.size


def test_one_label_is_background(image: np.ndarray) -> None:
    assert not refine_labels(image, np.zeros((32, 40), np.uint8), 1, LabelCrfSettings()).any()


@pytest.mark.parametrize("confidence", [1e-9, 1 - 1e-9])
def test_extreme_confidence_stays_finite(image: np.ndarray, confidence: float) -> None:
    labels = np.zeros((32, 40), dtype=np.uint8)
    labels[10:20, 10:20] = 1
    settings = LabelCrfSettings(
        confidence=confidence, gaussian_compat=0.0, bilateral_compat=0.0, iterations=1
    )
    expected = labels if confidence > 0.5 else 1 - labels
    np.testing.assert_array_equal(refine_labels(image, labels, 2, settings), expected)


def test_labels_outside_the_range_are_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected 0\.\.1"):
        refine_labels(image, np.full((32, 40), 2), 2, LabelCrfSettings())


def test_a_mean_subtracted_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        refine_labels(image.astype(np.float32), np.zeros((32, 40), int), 2, LabelCrfSettings())


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
