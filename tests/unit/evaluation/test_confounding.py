from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.evaluation.confounding import (
    ContextFalsePositives,
    SwapTest,
    far_from_objects,
    read_context_map,
)
from conta_core.images.masks import write_label_png


@pytest.mark.parametrize("size", [64, 128])
def test_far_is_more_than_fourteen_pixels_in_proportion(size: int) -> None:
    truth = np.zeros((size, size), dtype=np.uint8)
    truth[size // 2, 3] = 1
    truth[size // 4, 3] = 255  # not known to be background
    far = far_from_objects(truth)
    y, x = np.mgrid[:size, :size]
    distance = np.minimum(np.hypot(y - size // 2, x - 3), np.hypot(y - size // 4, x - 3))
    np.testing.assert_array_equal(far, distance > 14 * size / 128)


def test_without_objects_everything_is_far() -> None:
    assert far_from_objects(np.zeros((5, 6), np.uint8)).all()


def test_false_positives_by_context() -> None:
    # 128 x 128: class 0's context left, class 1's right; an object of class 0 in the corner
    context = np.ones((128, 128), dtype=np.uint8)
    context[:, 64:] = 2
    truth = np.zeros((128, 128), dtype=np.uint8)
    truth[0, 0] = 1
    far = far_from_objects(truth)
    near = int((~far).sum())
    prediction = np.zeros((128, 128), dtype=np.uint8)
    prediction[100:110, 10:20] = 1  # 100 far pixels of class 0 on its own context
    prediction[100:105, 70:74] = 1  # 20 on the other's
    prediction[50:55, 30:36] = 2  # 30 of class 1 on the other's context
    prediction[0, :3] = 1  # one hit, two near false positives on the own context
    places = ContextFalsePositives()
    places.update(prediction, truth, context, range(2))
    result = places.result()
    half = 128 * 64
    assert result["images"] == 1
    assert result["far_false_positives"] == {
        "own_context": round(100 * 100 / (half - near + half), 4),
        "other_contexts": round(100 * 50 / (half + half - near), 4),
    }
    assert result["false_positives_on_own_context"] == round(100 * 102 / 152, 4)


def test_only_candidates_count() -> None:
    context = np.ones((128, 128), dtype=np.uint8)
    empty = np.zeros((128, 128), dtype=np.uint8)
    places = ContextFalsePositives()
    places.update(np.full_like(empty, 2), empty, context, [1])
    assert places.result()["far_false_positives"] == {"own_context": None, "other_contexts": 100.0}


def test_unknown_pixels_are_no_false_positives() -> None:
    truth = np.full((8, 8), 255, dtype=np.uint8)
    places = ContextFalsePositives()
    places.update(np.ones_like(truth), truth, np.ones_like(truth), range(1))
    assert places.result() == {
        "images": 1,
        "far_false_positives": {"own_context": None, "other_contexts": None},
        "false_positives_on_own_context": None,
    }


def test_swap_test() -> None:
    swap = SwapTest()
    context = np.ones((10, 10), dtype=np.uint8)
    context[0, :5] = 2  # 5 % is not more than 5 %
    # class 0 has the tag, class 1 hardly a context, class 2 none
    swap.update(np.array([0.9, 0.2, 0.4]), np.array([1.0, 0, 0]), context)
    # nothing is there but the context of class 0
    swap.update(np.array([0.7, 0.0, 0.3]), np.zeros(3), np.ones((10, 10), np.uint8))
    assert swap.result() == {
        "context_present": 0.7,
        "context_absent": pytest.approx((0.2 + 0.4 + 0.0 + 0.3) / 4),
        "cases_present": 1,
        "cases_absent": 4,
    }
    assert SwapTest().result()["context_present"] is None


def test_context_maps_are_numbered_like_the_masks(tmp_path: Path) -> None:
    write_label_png(tmp_path / "c.png", np.array([[1, 2], [3, 2]], dtype=np.uint8))
    record = ImageRecord("i", "i.png", 2, 2, (), None, str(tmp_path / "c.png"))
    manifest = Manifest(
        "set",
        ("b", "a"),
        {"train": ("i",), "val": ()},
        {"train": "t", "val": "v"},
        {"i": record},
        None,
        {0: 0, 1: 2, 2: 1, 3: 255},
    )
    np.testing.assert_array_equal(read_context_map(manifest, "i"), [[2, 1], [0, 1]])
    without = replace(manifest, images={"i": replace(record, context_map=None)})
    assert read_context_map(without, "i") is None
    larger = replace(manifest, images={"i": replace(record, height=3)})
    with pytest.raises(ContaError, match=r"c\.png: size"):
        read_context_map(larger, "i")
