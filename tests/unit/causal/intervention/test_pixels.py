from __future__ import annotations

import numpy as np
import pytest

from conta_core.causal.intervention.pixels import cut_out, fill, paste, resized

RED, BLUE = (200, 10, 10), (10, 10, 200)


def two_halves(size: tuple[int, int] = (128, 128)) -> np.ndarray:
    image = np.full((*size, 3), RED, np.uint8)
    image[:, size[1] // 2 :] = BLUE
    return image


def square(size: tuple[int, int] = (128, 128), side: int = 20, at: int = 20) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[at : at + side, at : at + side] = True
    return mask


def test_fill_takes_the_colour_around() -> None:
    image, hole = two_halves(), square()
    image[hole] = 255
    filled = fill(image, hole)
    assert np.abs(filled.astype(int) - two_halves()).max() <= 2
    assert filled.dtype == np.uint8


def test_fill_leaves_what_is_far_and_an_image_without_a_hole() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (128, 128, 3)).astype(np.uint8)
    hole = square()
    filled = fill(image, hole)
    far = ~square(side=36, at=12)
    assert np.array_equal(filled[far], image[far])
    assert not np.array_equal(filled[hole], image[hole])
    assert np.array_equal(fill(image, np.zeros_like(hole)), image)


def test_fill_of_a_hole_as_large_as_the_image() -> None:
    image = two_halves((40, 60))
    assert np.array_equal(fill(image, np.ones((40, 60), bool)), np.full_like(image, 128))


def test_a_large_hole_is_filled_from_far() -> None:
    image, hole = two_halves(), np.ones((128, 128), bool)
    hole[:, :4] = False
    filled = fill(image, hole)
    assert np.abs(filled[:, 20:].astype(int) - RED).max() <= 1


@pytest.mark.parametrize("place", [(20, 20), (0, 0), (-10, 100), (118, -15)])
def test_paste_at_and_over_the_edge(place: tuple[int, int]) -> None:
    mask = square()
    image = two_halves()
    image[mask] = 255
    cut = cut_out(image, mask)
    pasted, opacity = paste(two_halves(), cut, *place)
    # the box begins a rim before the object
    top, left = place[0] + 20 - cut.origin[0], place[1] + 20 - cut.origin[1]
    inner = np.zeros((128, 128), bool)
    inner[max(0, top + 4) : max(0, top + 16), max(0, left + 4) : max(0, left + 16)] = True
    assert (pasted[inner] >= 254).all()
    assert (opacity[inner] > 0.99).all()
    outer = np.ones((128, 128), bool)
    outer[max(0, top - 4) : max(0, top + 24), max(0, left - 4) : max(0, left + 24)] = False
    assert np.array_equal(pasted[outer], two_halves()[outer])
    assert (opacity[outer] == 0).all()


def test_paste_at_its_origin_gives_the_image_back() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (50, 70, 3)).astype(np.uint8)
    mask = square((50, 70), at=0)  # at the corner
    pasted, _ = paste(image, cut_out(image, mask), 0, 0)
    assert np.array_equal(pasted, image)


def test_resized_and_flipped() -> None:
    mask = np.zeros((64, 64), bool)
    mask[20:30, 20:40] = True
    image = np.zeros((64, 64, 3), np.uint8)
    image[20:30, 20:30] = 255  # left half of the object is white
    cut = cut_out(image, mask)
    larger = resized(cut, 2.0, flip=True)
    assert larger.opacity.shape == tuple(2 * side for side in cut.opacity.shape)
    assert larger.opacity.sum() == pytest.approx(4 * cut.opacity.sum(), rel=0.02)
    middle = larger.opacity.shape[1] // 2
    seen = larger.opacity > 0.9
    assert larger.colours[:, middle + 4 :][seen[:, middle + 4 :]].min() > 200  # now the right half
    assert larger.colours[:, : middle - 4][seen[:, : middle - 4]].max() < 50
