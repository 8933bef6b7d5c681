from __future__ import annotations

import numpy as np
import pytest

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.evaluation.scores.cooccurrence import (
    Companion,
    closest_companions,
    companion_pairs,
    on_companions,
    tag_counts,
)

#: tags of the images -> how many there are
SET = {("horse", "person"): 6, ("horse",): 4, ("person",): 90, ("dog", "sofa"): 4, ("dog",): 1}
CLASSES = ("dog", "horse", "person", "sofa")


@pytest.fixture
def manifest() -> Manifest:
    tags = [names for names, count in SET.items() for _ in range(count)]
    records = {f"i{n}": ImageRecord(f"i{n}", "i.jpg", 2, 2, t) for n, t in enumerate(tags)}
    return Manifest(
        "set",
        CLASSES,
        {"train": tuple(records), "val": ("i0",)},
        {"train": "a", "val": "b"},
        records,
    )


def test_pairs_are_frequent_and_many(manifest: Manifest) -> None:
    # horse beside person: 6 of 10; person beside horse: 6 of 96; dog on sofa: 4 images only
    assert companion_pairs(manifest, "train") == [("horse", "person")]
    assert companion_pairs(manifest, "val") == []


def test_tag_counts(manifest: Manifest) -> None:
    expected = [[5, 0, 0, 4], [0, 10, 6, 0], [0, 6, 96, 0], [4, 0, 0, 4]]
    assert tag_counts(manifest, "train").tolist() == expected
    assert tag_counts(manifest, "val").tolist() == [[0] * 4, [0, 1, 1, 0], [0, 1, 1, 0], [0] * 4]


def test_the_closest_companion(manifest: Manifest) -> None:
    assert closest_companions(manifest) == [Companion(1, 2, 60.0)]


def test_share_of_what_is_predicted(manifest: Manifest) -> None:
    # rows: truth background, dog, horse, person, sofa; columns: predicted, and no answer
    matrix = np.zeros((5, 6), np.int64)
    matrix[:, 2] = 30, 5, 45, 20, 0
    matrix[3] += 1000 * np.array([1, 0, 0, 1, 0, 1])
    assert on_companions(matrix, manifest, "train") == {"horse": {"person": 20.0}}


def test_a_class_that_is_never_predicted(manifest: Manifest) -> None:
    assert on_companions(np.zeros((5, 6), np.int64), manifest, "train") == {}


def test_an_empty_list() -> None:
    empty = Manifest("set", CLASSES, {"train": (), "val": ()}, {"train": "a", "val": "b"}, {})
    assert companion_pairs(empty, "train") == []
