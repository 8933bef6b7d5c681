"""Scoring and averaging masks costs hardly more than reading them, and memory stays flat.

Measured on the masks of VOC 2012 with SBD's, in turns with bare reading; the figures of a
run are in pytest's output with ``-rP``.
"""

from __future__ import annotations

import tarfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest, mask_values_of
from conta_core.data.readers.voc import VOC_CLASSES
from conta_core.images.masks import read_label_png, write_label_png
from conta_core.settings import ContextSettings
from conta_core.stages.build_confounders import build_confounders
from conta_core.stages.evaluate_pseudo_masks import evaluate_pseudo_masks

pytestmark = pytest.mark.slow

TURNS = 5
#: what is aimed at is 1.3 and 1.5 times reading; a shared machine blurs single measurements
SLACK = 1.25


class Masks:
    """The masks of a list as ground truth of a manifest, and of a folder."""

    def __init__(self, folder: Path, ids: list[str], work: Path) -> None:
        self.folder, self.ids, self.work = folder, ids, work
        self.manifest = work / f"{len(ids)}.json"
        records = {}
        for image_id in ids:
            path = folder / f"{image_id}.png"
            labels = read_label_png(path)
            values = np.flatnonzero(np.bincount(labels.ravel(), minlength=256)[1:21])
            height, width = labels.shape
            tags = tuple(VOC_CLASSES[value] for value in values)
            records[image_id] = ImageRecord(image_id, "-", height, width, tags, str(path))
        names = {"train": "list", "val": "none"}
        lists = {"train": tuple(ids), "val": ()}
        values_of = mask_values_of(VOC_CLASSES, VOC_CLASSES)
        Manifest("voc", VOC_CLASSES, lists, names, records, "masks", values_of).save(self.manifest)

    def read(self, *folders: Path) -> None:
        for image_id in self.ids:
            for folder in folders:
                read_label_png(folder / f"{image_id}.png")

    def score(self, predictions: Path) -> None:
        evaluate_pseudo_masks(
            manifest=str(self.manifest),
            pseudo_masks=str(predictions),
            output=str(self.work / "scores.json"),
            run="r",
            round_index=0,
        )

    def average(self) -> None:
        build_confounders(
            manifest=str(self.manifest),
            masks=str(self.folder),
            output=str(self.work / "confounders.h5"),
            settings=ContextSettings(source="pseudo_masks"),
            run="r",
            round_index=0,
        )


@pytest.fixture(scope="module")
def masks(
    shared_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Masks]:
    lists = shared_data("voc12_aug")
    work = tmp_path_factory.mktemp("masks")
    with tarfile.open(lists / "SegmentationClassAug.tar") as archive:
        archive.extractall(work, filter="data")

    def of(name: str, every: int = 1) -> Masks:
        ids = (lists / f"{name}.txt").read_text().split()[::every]
        return Masks(work / "SegmentationClassAug", ids, work)

    return of


def shifted(masks: Masks) -> Path:
    """A folder of the same masks, moved aside by seven pixels."""
    folder = masks.work / "shifted"
    folder.mkdir(exist_ok=True)
    for image_id in masks.ids:
        labels = np.roll(read_label_png(masks.folder / f"{image_id}.png"), 7, axis=1)
        write_label_png(folder / f"{image_id}.png", labels)
    return folder


def seconds(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def ratio(work: Callable[[], None], reading: Callable[[], None], what: str) -> float:
    """The time of the work over that of reading just before, in the best of the turns."""
    turns = [(seconds(reading), seconds(work)) for _ in range(TURNS)]
    ratios = sorted(worked / read for read, worked in turns)
    each = ", ".join(f"{worked:.2f} / {read:.2f} s" for read, worked in turns)
    middle = ratios[len(ratios) // 2]
    print(f"{what}: best {ratios[0]:.2f}, median {middle:.2f} times reading ({each})")
    return ratios[0]


def test_scoring_the_validation_list(masks: Callable[..., Masks]) -> None:
    val = masks("val")
    predictions = shifted(val)
    found = ratio(
        lambda: val.score(predictions),
        lambda: val.read(val.folder, predictions),
        f"scoring {len(val.ids)} masks",
    )
    assert found <= 1.3 * SLACK


def test_averaging_the_training_list(masks: Callable[..., Masks]) -> None:
    """A quarter of it: both times grow with the list."""
    train = masks("train_aug", every=4)
    found = ratio(
        train.average, lambda: train.read(train.folder), f"averaging {len(train.ids)} masks"
    )
    assert found <= 1.5 * SLACK


def test_memory_does_not_grow_with_the_list(masks: Callable[..., Masks]) -> None:
    few, many = masks("val", every=40), masks("val", every=5)
    predictions = shifted(many)
    shifted(few)

    def peak(action: Callable[[], None]) -> float:
        tracemalloc.start()
        action()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most / 2**20

    for of_few, of_many in (
        (lambda: few.score(predictions), lambda: many.score(predictions)),
        (few.average, many.average),
    ):
        peak(of_few)  # imports and caches
        # the manifest grows with the list by some kB an image; a mask would by 180
        assert peak(of_many) - peak(of_few) < 0.01 * (len(many.ids) - len(few.ids))
