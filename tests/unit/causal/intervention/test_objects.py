from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from painted_set import SIZE, masks_of

from conta_core.causal.intervention.objects import ObjectBank
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError


def bank(
    recombined_set: tuple[Manifest, Path],
    changed: dict[str, np.ndarray] | None = None,
    area_filter: tuple[float, float] | None = (0.3, 3.0),
    taken: dict[str, list[int]] | None = None,
) -> ObjectBank:
    manifest, folder = recombined_set
    masks = masks_of(folder, changed)
    return ObjectBank(manifest, manifest.ids("train"), masks, area_filter, taken or {})


def block(height: int, width: int, value: int) -> np.ndarray:
    mask = np.zeros(SIZE, np.uint8)
    mask[:height, :width] = value
    return mask


def test_objects_near_their_median_are_trusted(recombined_set: tuple[Manifest, Path]) -> None:
    found = bank(recombined_set)
    assert found.trusted == {0: ["red", "blue"], 1: ["green", "blue"]}
    assert not found.missed
    assert not found.swallowed


def test_a_small_object_was_missed(recombined_set: tuple[Manifest, Path]) -> None:
    # class 0: 4 and 400 pixels, median 202
    found = bank(recombined_set, {"red": block(2, 2, 1)})
    assert found.missed == {"red": [0]}
    assert found.trusted[0] == ["blue"]


def test_an_object_that_is_not_there_was_missed(recombined_set: tuple[Manifest, Path]) -> None:
    found = bank(recombined_set, {"red": block(0, 0, 0)}, area_filter=None)
    assert found.missed == {"red": [0]}
    assert found.trusted == {0: ["blue"], 1: ["green", "blue"]}


def test_a_large_object_swallowed_its_context(recombined_set: tuple[Manifest, Path]) -> None:
    # class 1: 400 pixels in blue and 64 * 40 in green, median 1480, which 3 times is more;
    # of all objects, which have 400 else, the median is 400
    found = bank(recombined_set, {"green": block(64, 40, 2)})
    assert found.swallowed == {"green"}
    assert found.trusted[1] == ["blue"]
    assert not found.missed


def test_an_object_of_a_companion_was_missed(
    recombined_set: tuple[Manifest, Path], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        found = bank(recombined_set, taken={"blue": [1]})
    assert found.trusted == {0: ["red", "blue"], 1: ["green"]}
    assert found.missed == {"blue": [1]}
    assert "objects: 3 trusted, 1 missed, 1 of them another tag's" in caplog.text


def test_a_companion_that_swallowed_its_context_stays_so(
    recombined_set: tuple[Manifest, Path],
) -> None:
    found = bank(recombined_set, {"green": block(64, 40, 2)}, taken={"green": [1]})
    assert found.swallowed == {"green"}
    assert not found.missed


def test_another_class_than_the_tags_is_no_object(recombined_set: tuple[Manifest, Path]) -> None:
    found = bank(recombined_set, {"red": block(20, 20, 2)})
    assert found.missed == {"red": [0]}
    assert "red" not in found.trusted[1]


def test_no_object_at_all(recombined_set: tuple[Manifest, Path]) -> None:
    empty = {name: block(0, 0, 0) for name in ("red", "green", "blue")}
    with pytest.raises(ContaError, match="masks of 3 training images hold no object"):
        bank(recombined_set, empty)


def test_a_class_without_objects_is_told(
    recombined_set: tuple[Manifest, Path], caplog: pytest.LogCaptureFixture
) -> None:
    empty = {name: block(20, 20, 1) for name in ("green", "blue")}
    with caplog.at_level(logging.WARNING):
        found = bank(recombined_set, empty)
    assert found.trusted == {0: ["red", "blue"]}
    assert "no trusted object of bar" in caplog.text
