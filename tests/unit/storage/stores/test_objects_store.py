"""What reads objects.h5 beside the intervention: inspect and diff."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conta_core.errors import ContaError
from conta_core.evaluation.store_kinds.images import open_images
from conta_core.storage.stores.writer import write_store
from conta_core.tools.diff.images import compare_images
from conta_core.tools.diff.picture import draw_changes
from conta_core.tools.inspect.arrays import describe_image
from conta_core.tools.inspect.images import KindImages
from conta_core.tools.inspect.stores import describe_store

CLASSES = ("dog", "sofa", "cat")
#: image id -> tags and drops; the sofa of "both" is the dog's, "alone" was not asked
DROPS = {
    "alone": ([1], [[0.0]]),
    "both": ([0, 1], [[3.0, 0.5], [2.0, 1.0]]),
    "three": ([0, 1, 2], [[1.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 0.0]]),
}


def write(path: Path, add: float = 0.0) -> Path:
    with write_store(
        path, "objects", classes=CLASSES, run="r", round_index=1, settings={}
    ) as store:
        for image_id, (keys, drops) in DROPS.items():
            values = np.array(drops, np.float32)
            values[values != 0] += np.float32(add)
            context = np.zeros(2, np.float32)
            arrays = {"keys": np.array(keys), "drop": values, "context": context}
            store.write(image_id, arrays, size=(4, 6))
    return path


def test_an_image_says_whose_its_objects_are(tmp_path: Path) -> None:
    with open_images(write(tmp_path / "objects.h5")) as images:
        (found,) = [p for p in describe_image(images, "both") if p.name == "classes"]
        assert found.value == [
            {
                "without the object of": "dog",
                "dog falls by": 3.0,
                "sofa falls by": 0.5,
                "another tag's": "no",
            },
            {
                "without the object of": "sofa",
                "dog falls by": 2.0,
                "sofa falls by": 1.0,
                "another tag's": "yes",
            },
        ]
        assert KindImages(images).line("both").classes == ["dog", "sofa"]
    assert [p.value for p in describe_store(tmp_path / "objects.h5", check=True)][-1] == "right"


def test_a_difference_counts_what_was_asked(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.h5"), write(tmp_path / "b.h5", add=0.5)
    found = compare_images(a, b)
    assert found.measures == ("score drop difference",)
    values = {change.id: change.values[0] for change in found.changes}
    # of "three" 2 of 9 numbers differ
    assert values == pytest.approx({"both": 0.5, "three": 0.5 * 2 / 9}, abs=1e-6)
    means = {one.name: (one.a, one.b) for one in found.classes}
    assert means["dog"] == pytest.approx((2.0, 2.5))  # 3 and 1
    assert means["sofa"] == pytest.approx((2.5, 3.0))  # 1 and 4; that of "alone" was not asked
    assert means["cat"] == (None, None)


def test_there_is_nothing_to_draw(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.h5"), write(tmp_path / "b.h5", add=0.5)
    with pytest.raises(ContaError, match="expected masks or maps to draw"):
        draw_changes(compare_images(a, b), a, b, tmp_path / "out.png", top=2)
