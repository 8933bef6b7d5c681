from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conta_core.causal.ablations.oracle_masks import read_true_mask, require_true_masks
from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png


@pytest.fixture
def data(tmp_path: Path) -> Manifest:
    """Image a has a mask, b has none."""
    path = tmp_path / "a.png"
    write_label_png(path, np.array([[0, 1, 255], [255, 2, 2]], np.uint8))
    records = {
        "a": ImageRecord("a", "a.jpg", 2, 3, ("cat", "dog"), mask=str(path)),
        "b": ImageRecord("b", "b.jpg", 2, 3, ("cat",)),
    }
    lists, values = {"train": ("a",), "val": ("b",)}, {0: 0, 1: 1, 2: 2}
    names = {"train": "t", "val": "v"}
    return Manifest("set", ("cat", "dog"), lists, names, records, "truth", values)


def test_what_is_not_known_is_background(data: Manifest) -> None:
    found = read_true_mask(data, "a")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [[0, 1, 0], [0, 2, 2]])


def test_an_image_without_a_mask(data: Manifest) -> None:
    require_true_masks(data, ["a"])
    with pytest.raises(ContaError, match=r"1 images have no ground-truth mask, among them \['b'\]"):
        require_true_masks(data, ["a", "b"])
