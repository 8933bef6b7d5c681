from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as run_lengths

from conta_core.data.readers.coco_annotations import annotation_problem, draw_labels

#: pycocotools with numpy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE = (20, 30)
BOX = [2, 3, 12, 3, 12, 9, 2, 9]


def annotation(segmentation: Any, **keys: Any) -> dict[str, Any]:
    return {"id": 1, "category_id": 1, "area": 60, "segmentation": segmentation} | keys


def noise() -> np.ndarray:
    return (np.random.default_rng(0).random(SIZE) < 0.4).astype(np.uint8)


def compressed(mask: np.ndarray) -> dict[str, Any]:
    code = run_lengths.encode(np.asfortranarray(mask))
    return {"size": list(code["size"]), "counts": code["counts"].decode()}


def uncompressed(mask: np.ndarray) -> dict[str, Any]:
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat])))
    counts = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return {"size": list(mask.shape), "counts": counts}


@pytest.mark.parametrize(
    ("segmentation", "says"),
    [
        ([], "no polygon and no box"),
        (None, "no polygon and no box"),
        ("polygon", "expected polygons or a run-length code"),
        ([[0.1, 0.1, 0.9, 0.1, 0.9, 0.8]], "shares of the image's sides; .* x by 30 and y by 20"),
        ([[0, 0, 1, 0, 1, 1], [0.2, 0.2, 0.4, 0.2, 0.3, 0.9]], "shares of the image's sides"),
        ([[]], "a polygon of 0 numbers; expected x and y of at least 3 points"),
        ([[1, 1, 5, 5]], "a polygon of 4 numbers"),
        ([BOX, [1, 1, 5, 5, 6]], "a polygon of 5 numbers"),
        ([[1, 1, 5, float("nan"), 5, 1]], "a coordinate that is not finite"),
        ([[1, 1, 5, float("inf"), 5, 1]], "a coordinate that is not finite"),
        ([[1, 1, 5, "5", 5, 1]], "no list of numbers"),
        ([[31, 1, 40, 1, 40, 9]], "x from 31 to 40; expected 0 to 30"),
        ([[1, -9, 4, -9, 4, -1]], "y from -9 to -1; expected 0 to 20"),
        ([[1, 1, 1e9, 1, 4, 9]], r"x from 1 to 1e\+09"),
        ({"size": [30, 20], "counts": [600]}, r"for the size \[30, 20\]; expected \[20, 30\]"),
        ({"size": [20, 30], "counts": [599]}, "of 599 pixels; expected 600"),
        ({"size": [20, 30], "counts": [700, -100]}, "no whole numbers"),
        ({"size": [20, 30]}, "no whole numbers"),
        ({"size": [20, 30], "counts": "0"}, "of 0 pixels"),
        ({"size": [20, 30], "counts": "X"}, "cut off"),
    ],
)
def test_what_cannot_be_drawn(segmentation: Any, says: str) -> None:
    found = annotation_problem(annotation(segmentation), SIZE)
    assert found is not None
    assert re.search(says, found), found


@pytest.mark.parametrize("area", [float("nan"), "12", [3]])
def test_area_is_a_number(area: Any) -> None:
    assert "its area is" in str(annotation_problem(annotation([BOX], area=area), SIZE))


@pytest.mark.parametrize("code", [compressed, uncompressed])
def test_crowds_in_both_codes(code: Any) -> None:
    mask = noise()
    crowd = annotation(code(mask), iscrowd=1)
    assert annotation_problem(crowd, SIZE) is None
    np.testing.assert_array_equal(draw_labels([crowd], SIZE, {1: 0}), mask * 255)
    # the same code of an object that is no crowd is that object
    single = annotation(code(mask), iscrowd=0)
    np.testing.assert_array_equal(draw_labels([single], SIZE, {1: 0}), mask)


def test_a_long_compressed_code_is_understood() -> None:
    mask = np.zeros((400, 500), np.uint8)
    mask[100:300, 50:450] = 1
    assert annotation_problem(annotation(compressed(mask)), (400, 500)) is None
    cut = compressed(mask)
    cut["counts"] = cut["counts"][:-3]
    assert annotation_problem(annotation(cut), (400, 500)) is not None


def test_a_polygon_over_the_edge_is_cut_there() -> None:
    over = annotation([[20, 10, 35, 10, 35, 25, 20, 25]])
    assert annotation_problem(over, SIZE) is None
    labels = draw_labels([over], SIZE, {1: 0})
    assert labels[12:, 22:].all()
    assert not labels[:9].any()
    assert not labels[:, :19].any()


def test_small_over_large_over_crowd() -> None:
    crowd = annotation(compressed(np.ones(SIZE, np.uint8)), iscrowd=1, area=600)
    large = annotation([[0, 0, 20, 0, 20, 20, 0, 20]], id=2, category_id=2, area=400)
    small = annotation([[2, 2, 8, 2, 8, 8, 2, 8]], id=3, category_id=1, area=36)
    other = annotation([[10, 10, 14, 10, 14, 14, 10, 14]], id=4, category_id=9, area=16)
    for order in ([crowd, large, small, other], [other, small, large, crowd]):
        labels = draw_labels(order, SIZE, {1: 0, 2: 1})
        assert labels[5, 5] == 1
        assert labels[15, 3] == 2
        assert labels[12, 12] == 255
        assert labels[5, 25] == 255
