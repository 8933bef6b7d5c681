from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from conta_core.causal.conta.confounder_names import confounder_names
from conta_core.causal.conta.confounders import build_confounder_set
from conta_core.causal.conta.resize_mask import resize_mask

COUNT = 4
SIZE = (4, 6)


def draw(number: int = 9) -> list[tuple[np.ndarray, np.ndarray]]:
    """Masks of several sizes and tags; class 2 has no image."""
    rng = np.random.default_rng(0)
    images = []
    for k in range(number):
        shape = ((8, 12), (16, 24), (12, 18))[k % 3]
        mask = rng.integers(0, COUNT + 1, shape).astype(np.uint8)
        mask[rng.random(shape) < 0.1] = 255
        tags = [(0,), (0, 1), (3,), ()][k % 4]
        images.append((mask, np.array(tags, dtype=np.int64)))
    return images


def block_means(present: np.ndarray) -> np.ndarray:
    """Mean over blocks, for sizes that divide."""
    height, width = present.shape[0] // SIZE[0], present.shape[1] // SIZE[1]
    means = np.zeros(SIZE)
    for y in range(SIZE[0]):
        for x in range(SIZE[1]):
            block = present[y * height : (y + 1) * height, x * width : (x + 1) * width]
            means[y, x] = block.mean()
    return means


def test_naive_average() -> None:
    images = draw()
    found = build_confounder_set(iter(images), COUNT, SIZE, "uniform")
    for index in range(COUNT):
        of_class = [block_means(mask == index + 1) for mask, tags in images if index in tags]
        assert found.count[index] == len(of_class)
        expected = np.mean(of_class, axis=0) if of_class else np.zeros(SIZE)
        np.testing.assert_allclose(found.masks[index], expected, atol=1e-6)
    assert found.count.tolist() == [5, 2, 0, 2]
    assert (found.masks.dtype, found.masks.shape) == (np.float32, (COUNT, *SIZE))
    assert found.masks.min() >= 0
    assert found.masks.max() <= 1


def test_prior() -> None:
    images = draw()
    uniform = build_confounder_set(images, COUNT, SIZE, "uniform")
    empirical = build_confounder_set(images, COUNT, SIZE, "empirical")
    np.testing.assert_allclose(uniform.prior, [0.25] * 4)
    np.testing.assert_allclose(empirical.prior, np.array([5, 2, 0, 2]) / 9, rtol=1e-6)
    np.testing.assert_array_equal(uniform.masks, empirical.masks)
    for found in (uniform, empirical):
        assert found.prior.dtype == np.float32
        assert found.prior.sum() == pytest.approx(1)


@pytest.mark.parametrize("prior", ["uniform", "empirical"])
def test_no_images(prior: str) -> None:
    found = build_confounder_set([], COUNT, SIZE, prior)
    assert not found.masks.any()
    assert not found.count.any()
    np.testing.assert_allclose(found.prior, [0.25] * 4)


def test_a_class_that_is_tagged_and_never_predicted() -> None:
    mask = np.full((8, 12), 2, np.uint8)
    found = build_confounder_set([(mask, np.array([0, 1]))], 2, SIZE, "uniform")
    assert not found.masks[0].any()
    np.testing.assert_allclose(found.masks[1], 1)


def test_predictions_without_a_tag_are_not_counted() -> None:
    mask = np.ones((8, 12), np.uint8)
    found = build_confounder_set([(mask, np.array([1]))], 2, SIZE, "uniform")
    assert not found.masks.any()
    assert found.count.tolist() == [0, 1]


def test_one_image_at_a_time() -> None:
    """Each mask may be let go before the next is read."""
    shared = np.zeros((8, 12), np.uint8)

    def images() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for value in (1, 0, 1, 1):
            shared[:] = value
            yield shared, np.array([0])

    found = build_confounder_set(images(), 1, SIZE, "uniform")
    np.testing.assert_allclose(found.masks[0], 0.75)


def test_resize_averages_down() -> None:
    mask = np.random.default_rng(1).random((16, 24)).astype(np.float32)
    np.testing.assert_allclose(resize_mask(mask, SIZE), block_means(mask), atol=1e-6)
    assert resize_mask(mask, (16, 24)).tolist() == mask.tolist()


@pytest.mark.parametrize("shape", [(17, 23), (5, 7), (100, 6)])
def test_resize_keeps_the_mean(shape: tuple[int, int]) -> None:
    mask = np.random.default_rng(2).random(shape).astype(np.float32)
    found = resize_mask(mask, SIZE)
    assert found.shape == SIZE
    assert found.dtype == np.float32
    assert found.mean() == pytest.approx(mask.mean(), abs=1e-5)


def test_resize_enlarges() -> None:
    mask = np.array([[0, 1], [0, 1]], np.float32)
    found = resize_mask(mask, (4, 8))
    assert found.shape == (4, 8)
    # linear between pixel centres, constant beyond them
    expected = [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1]
    np.testing.assert_allclose(found, [expected] * 4, atol=1e-6)


@pytest.mark.parametrize("prior", ["uniform", "empirical"])
def test_the_background_comes_before_the_classes(prior: str) -> None:
    """Over all images, with and without tags; the classes' masks stay what they are."""
    images = draw()
    without = build_confounder_set(images, COUNT, SIZE, prior)
    found = build_confounder_set(images, COUNT, SIZE, prior, background=True)
    everywhere = np.mean([block_means(mask == 0) for mask, _ in images], axis=0)
    np.testing.assert_allclose(found.masks[0], everywhere, atol=1e-6)
    np.testing.assert_array_equal(found.masks[1:], without.masks)
    assert found.count.tolist() == [len(images), *without.count]
    expected = np.full(5, 0.2) if prior == "uniform" else found.count / found.count.sum()
    np.testing.assert_allclose(found.prior, expected, rtol=1e-6)


def test_names_of_the_entries() -> None:
    assert confounder_names(("a", "b"), 2) == ("a", "b")
    assert confounder_names(("a", "b"), 3) == ("background", "a", "b")
    with pytest.raises(ValueError, match="4 entries for 2 classes"):
        confounder_names(("a", "b"), 4)
