"""Biased pairs against naive subsets of images, and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.evaluation.scores.biased_pairs import (
    MOST,
    BiasedPairs,
    mean_of_pairs,
    pair_gap,
)
from conta_core.evaluation.scores.confusion import confusion_matrix

CLASSES = ("dog", "horse", "person", "sofa")
DOG, HORSE, PERSON, SOFA = range(1, 5)


def made(tags: list[tuple[str, ...]], classes: tuple[str, ...] = CLASSES) -> Manifest:
    records = {f"i{n}": ImageRecord(f"i{n}", "i.jpg", 2, 2, names) for n, names in enumerate(tags)}
    return Manifest(
        "set",
        classes,
        {"train": tuple(records), "val": ()},
        {"train": "a", "val": "b"},
        records,
    )


@pytest.fixture
def manifest() -> Manifest:
    """Horse beside person in 6 of 10, dog beside person in 5 of 10 and on sofa in 5 of 10."""
    return made(
        [("horse", "person")] * 6
        + [("horse",)] * 4
        + [("dog", "person")] * 3
        + [("dog", "person", "sofa")] * 2
        + [("dog", "sofa")] * 3
        + [("dog",)] * 2
        + [("person",)] * 50
        + [("sofa",)] * 9
    )


def counted(manifest: Manifest, images: list[tuple[np.ndarray, np.ndarray]]) -> list[Any]:
    pairs = BiasedPairs(manifest)
    for truth, prediction in images:
        pairs.add(confusion_matrix(truth, prediction, len(manifest.class_names)))
    return pairs.result()


def row(*labels: int) -> np.ndarray:
    return np.array([labels], np.uint8)


def test_by_hand(manifest: Manifest) -> None:
    """A horse is found beside a person, and taken for a dog where it is alone."""
    beside = (row(HORSE, HORSE, PERSON, 0), row(HORSE, HORSE, HORSE, 0))
    alone = (row(HORSE, HORSE, 0, 255), row(HORSE, DOG, 0, HORSE))
    # these hold no horse, and are in neither set
    others = (row(PERSON, PERSON, 0, 0), row(HORSE, HORSE, HORSE, HORSE))
    found = counted(manifest, [beside] * 5 + [alone] * 7 + [others] * 9)
    assert found == [
        {
            "class": "horse",
            "companion": "person",
            "share": 60.0,
            "with_companion": {"images": 5, "iou": 66.6667, "fpr": 33.3333, "fnr": 0.0},
            "without_companion": {"images": 7, "iou": 50.0, "fpr": 0.0, "fnr": 50.0},
        }
    ]
    assert pair_gap(found[0]) == pytest.approx(16.6667)


@pytest.mark.parametrize("seed", range(4))
def test_against_naive_subsets(manifest: Manifest, seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(120):
        held = rng.choice([0, 255, *range(1, 5)], int(rng.integers(1, 4)), replace=False)
        truth = rng.choice(held, (4, 5)).astype(np.uint8)
        images.append((truth, rng.choice([0, 1, 2, 3, 4, 255], (4, 5)).astype(np.uint8)))
    found = counted(manifest, images)
    told = {(pair["class"], pair["companion"]): pair for pair in found}
    # dog has 5 of 10 images with person and with sofa: person comes first
    strongest = [("horse", "person"), ("dog", "person"), ("sofa", "dog")]
    assert list(told) == [names for names in strongest if names in told]
    assert told
    for names in strongest:
        label, companion = (CLASSES.index(name) + 1 for name in names)
        expected: dict[str, Any] = {}
        for name, has in (("with_companion", True), ("without_companion", False)):
            right = wrong = missed = number = 0
            for truth, prediction in images:
                if (truth == label).any() and (truth == companion).any() == has:
                    number += 1
                    for t, p in zip(truth.flat, prediction.flat, strict=True):
                        right += t == label == p
                        wrong += t not in (label, 255) and p == label
                        missed += t == label != p
            union = right + wrong + missed
            rates = {"iou": right, "fpr": wrong, "fnr": missed}
            shares = {rate: round(100 * n / max(union, 1), 4) for rate, n in rates.items()}
            expected[name] = {"images": number, **shares}
        assert (names in told) == all(one["images"] >= 5 for one in expected.values())
        assert {key: told.get(names, expected)[key] for key in expected} == expected


def test_few_images_are_no_pair(manifest: Manifest) -> None:
    beside, alone = row(HORSE, PERSON), row(HORSE, 0)
    assert counted(manifest, [(beside, beside)] * 4 + [(alone, alone)] * 9) == []
    assert counted(manifest, [(beside, beside)] * 9 + [(alone, alone)] * 4) == []
    assert len(counted(manifest, [(beside, beside)] * 5 + [(alone, alone)] * 5)) == 1
    assert counted(manifest, []) == []


def test_no_companions() -> None:
    manifest = made([("dog",)] * 9 + [("dog", "sofa")] * 4)
    assert counted(manifest, [(row(DOG), row(DOG))] * 20) == []


def test_the_strongest_come_first_and_are_few() -> None:
    """Classes with a companion in 50, 51, ... of 100 images: the last ten, strongest first."""
    count = MOST + 3
    classes = (*(f"c{n:02d}" for n in range(count)), "companion")
    tags = [
        (name, "companion") if i < 50 + n else (name,)
        for n, name in enumerate(classes[:-1])
        for i in range(100)
    ]
    manifest = made(tags, classes)
    images = []
    for label in range(1, count + 1):
        images += [(row(label, count + 1),) * 2] * 5 + [(row(label, 0),) * 2] * 5
    found = counted(manifest, images)
    assert [pair["share"] for pair in found] == [50.0 + n for n in range(count - 1, 2, -1)]
    assert [pair["class"] for pair in found] == list(classes[3:-1])[::-1]


def test_means() -> None:
    def pair(there: float | None, alone: float | None) -> dict[str, Any]:
        return {"with_companion": {"iou": there}, "without_companion": {"iou": alone}}

    pairs = [pair(60.0, 50.0), pair(40.0, 20.0), pair(None, 3.0)]
    expected = {"with_companion": 50.0, "without_companion": 35.0, "gap": 15.0}
    assert mean_of_pairs(pairs) == expected
    assert set(mean_of_pairs([pair(None, 1.0)]).values()) == {None}
    assert set(mean_of_pairs([]).values()) == {None}


def test_tags_alone_choose(tmp_path: Path, manifest: Manifest) -> None:
    """The validation list is asked about the pairs of the training tags."""
    manifest.save(tmp_path / "dataset.json")
    again = Manifest.load(tmp_path / "dataset.json")
    images = [(row(HORSE, PERSON),) * 2] * 5 + [(row(HORSE, 0),) * 2] * 5
    assert counted(again, images) == counted(manifest, images)
