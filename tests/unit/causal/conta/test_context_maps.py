from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conta_core.causal.conta.context_maps import ContextMaps, sum_classes
from conta_core.errors import ContaError
from conta_core.storage.stores.writer import write_store

CLASSES = ("cat", "dog")
TRAIN = tuple(f"t{k}" for k in range(12))
IDS = (*TRAIN, "v0", "v1")
SIZE = (5, 7)


def draw() -> dict[str, np.ndarray]:
    """Maps as the equation gives them: near 0.01, with hardly any difference between images."""
    rng = np.random.default_rng(0)
    common = 0.01 * rng.random(SIZE)
    return {i: (common + 1e-4 * rng.normal(size=SIZE)).astype(np.float32) for i in IDS}


def draw_by_class() -> dict[str, np.ndarray]:
    """Summands of two classes."""
    maps = draw()
    return {i: np.stack([maps[i], 3 * maps[i][::-1]]) for i in IDS}


def write(path: Path, maps: dict[str, np.ndarray]) -> Path:
    training = np.stack([maps[i] for i in TRAIN])
    mean = training.mean(axis=0)
    options = {"classes": CLASSES, "run": "r", "round_index": 0, "settings": {}}
    with write_store(path, "context", **options) as store:
        deviation = np.asarray((training - mean).std(), dtype=np.float32)
        store.write_root({"mean": mean, "deviation": deviation})
        for image_id, m in maps.items():
            store.write(image_id, {"mask": m, "alpha": np.ones(2, np.float32)}, (10, 14))
    return path


def test_standardised(tmp_path: Path) -> None:
    maps = draw()
    found = ContextMaps(write(tmp_path / "context.h5", maps), "standardise", IDS, CLASSES)
    training = np.stack([found[i] for i in TRAIN])
    np.testing.assert_allclose(training.mean(axis=0), np.zeros((1, *SIZE)), atol=1e-4)
    assert training.std() == pytest.approx(1, abs=1e-4)
    # the same shift and scale for each image, those of other lists too
    raw = np.stack([maps[i] for i in TRAIN]).astype(np.float64)
    mean, deviation = raw.mean(axis=0), (raw - raw.mean(axis=0)).std()
    for image_id in IDS:
        assert found[image_id].dtype == np.float32
        expected = (maps[image_id] - mean) / deviation
        np.testing.assert_allclose(found[image_id], expected[None], atol=1e-3)


@pytest.mark.parametrize("scaling", ["standardise", "none"])
def test_by_class(tmp_path: Path, scaling: str) -> None:
    """Each class less its mean map, all over the one deviation; their proportions stay."""
    maps = draw_by_class()
    found = ContextMaps(write(tmp_path / "context.h5", maps), scaling, IDS, CLASSES)
    assert found.channels == 2
    training = np.stack([maps[i] for i in TRAIN])
    mean = training.mean(axis=0)
    deviation = np.asarray((training - mean).std(), dtype=np.float32)
    for image_id in IDS:
        expected = maps[image_id]
        if scaling == "standardise":
            expected = ((maps[image_id] - mean) / float(deviation)).astype(np.float32)
        assert found[image_id].dtype == np.float32
        np.testing.assert_array_equal(found[image_id], expected)


def test_sum_of_the_classes() -> None:
    for one in draw().values():
        np.testing.assert_array_equal(sum_classes(one), one)
    for both in draw_by_class().values():
        np.testing.assert_array_equal(sum_classes(both), both[0] + both[1])


def test_raw(tmp_path: Path) -> None:
    maps = draw()
    found = ContextMaps(write(tmp_path / "context.h5", maps), "none", IDS, CLASSES)
    for image_id in IDS:
        assert found[image_id].dtype == np.float32
        np.testing.assert_array_equal(found[image_id], maps[image_id][None])
    assert found.channels == 1


def test_maps_that_do_not_differ(tmp_path: Path) -> None:
    same = dict.fromkeys(IDS, np.full(SIZE, 0.25, np.float32))
    found = ContextMaps(write(tmp_path / "context.h5", same), "standardise", IDS, CLASSES)
    for image_id in IDS:
        np.testing.assert_array_equal(found[image_id], np.zeros((1, *SIZE)))


def test_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "context.h5", draw())
    with pytest.raises(ContaError, match="lacks 1 images"):
        ContextMaps(path, "none", (*IDS, "v2"), CLASSES)
    with pytest.raises(ContaError, match="made for the classes"):
        ContextMaps(path, "none", IDS, CLASSES[::-1])
    with pytest.raises(ContaError, match=r"none\.h5"):
        ContextMaps(tmp_path / "none.h5", "none", IDS, CLASSES)
