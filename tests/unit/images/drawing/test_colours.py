from __future__ import annotations

import numpy as np
import pytest

from conta_core.images.drawing.colour_maps import greyed, heat_map, heat_over, signed_map
from conta_core.images.drawing.label_colours import (
    colour_labels,
    label_areas,
    label_legend,
    labels_over,
    outlined,
    share_entries,
)

NAMES = ("background", "cat", "dog")


def test_heat_over_mixes_image_and_map() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (7, 5, 3), dtype=np.uint8)
    values = rng.random((7, 5))
    heat = heat_map(values)
    for alpha in (0.6, 0.25):
        expected = (1 - alpha) * image + alpha * heat
        np.testing.assert_allclose(heat_over(image, values, alpha), np.floor(expected), atol=1)
    np.testing.assert_array_equal(heat_over(image, values), heat_over(image, values, 0.6))
    np.testing.assert_array_equal(heat_over(image, values, 0), image)
    np.testing.assert_array_equal(heat_over(image, values, 1), heat)


def test_signed_map_is_blue_below_and_red_above_0() -> None:
    low, nothing, high = signed_map(np.array([[-1.0, 0.0, 1.0]]))[0].astype(int)
    assert low[2] > low[0] + 100
    assert high[0] > high[2] + 100
    assert nothing.min() == nothing.max() == 247


def test_a_grey_photograph_has_no_colours() -> None:
    grey = greyed(np.array([[[255, 0, 0], [0, 255, 0], [255, 255, 255]]], np.uint8))[0]
    assert (grey == grey[:, :1]).all()
    assert grey[2, 0] == 255
    assert grey[0, 0] < grey[1, 0]


def test_a_mask_over_its_image_leaves_the_background_alone() -> None:
    image = np.full((2, 2, 3), 100, np.uint8)
    labels = np.array([[0, 1], [255, 0]], np.uint8)
    over = labels_over(image, labels, 0.5)
    assert over[0, 0].tolist() == over[1, 1].tolist() == [100, 100, 100]
    assert over[0, 1].tolist() == [114, 50, 50]  # VOC's first class is (128, 0, 0)
    assert over[1, 0].tolist() == [162, 162, 146]  # ignored is (224, 224, 192)
    foreground = labels > 0
    full = labels_over(image, labels, 1)
    np.testing.assert_array_equal(full[foreground], colour_labels(labels)[foreground])


def test_areas_in_percent_the_largest_first() -> None:
    labels = np.array([[0, 0, 0, 0, 1], [2, 2, 2, 255, 7]], np.uint8)
    areas = label_areas(labels, NAMES)
    assert list(areas) == ["dog", "cat", "value 7", "ignored"]
    assert areas["dog"] == pytest.approx(30)


def test_the_legend_has_what_is_there_and_the_background() -> None:
    masks = [np.array([[2, 255]], np.uint8), np.array([[2]], np.uint8)]
    entries = label_legend(masks, NAMES)
    assert [entry.text for entry in entries] == ["background", "dog", "ignored"]
    assert [entry.colour for entry in entries] == [(0, 0, 0), (0, 128, 0), (224, 224, 192)]


def test_a_white_line_goes_around_each_object() -> None:
    picture = np.zeros((7, 7, 3), np.uint8)
    labels = np.zeros((7, 7), np.uint8)
    labels[2:6, 2:6] = 3
    white = (outlined(picture, labels) == 255).all(axis=2)
    assert white[2:6, 2:6].sum() == white.sum() == 12  # the object's own border
    assert not picture.any()


def test_shares_of_a_legend() -> None:
    labels = np.zeros((10, 100), np.uint8)
    labels[:, :4] = 2
    labels[0, 99] = 1
    entries = share_entries(labels, NAMES)
    assert [entry.text for entry in entries] == ["dog 4 %", "cat under 1 %"]
    assert entries[0].colour == (0, 128, 0)
    (nothing,) = share_entries(np.zeros((2, 2), np.uint8), NAMES)
    assert nothing.text == "background only"
