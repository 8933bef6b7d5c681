"""evaluate_cams: scores of the CAMs on both lists, at the best threshold of a sweep."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.evaluation.confounding import ContextFalsePositives, SwapTest, read_context_map
from conta_core.evaluation.scores.score_files import ids_with_masks, score_entry, write_scores
from conta_core.evaluation.scores.threshold_sweep import DEFAULT_THRESHOLD, ThresholdSweep
from conta_core.refinement.pseudo_masks import label_argmax, strongest_class
from conta_core.runtime.parallel import map_in_order
from conta_core.runtime.progress import track
from conta_core.storage.stores.reader import StoreReader

LOGGER = logging.getLogger(__name__)
#: why a list has no scores though it has ground truth
NO_CAMS = "the CAMs were read from files, which have none of this list"


def evaluate_cams(
    *, manifest: str, cams: str, output: str, run: str, round_index: int, workers: int = 1
) -> None:
    """Score the CAMs of each image's own tags against the ground truth.

    The threshold is the best of a sweep on the training list; the validation list is
    scored at that one. Where images have context maps, the diagnostics of
    :mod:`conta_core.evaluation.confounding` are made too.

    Args:
        manifest: path of dataset.json.
        cams: path of the CAMs' store, both lists.
        output: path of the scores json.
        run: name of the run.
        round_index: the round.
        workers: processes.

    Raises:
        ContaError: a file is missing or broken.
    """
    data = Manifest.load(manifest)
    there = _ids_there(data, cams)
    scored = {name: ids_with_masks(data, name) if ids else [] for name, ids in there.items()}
    sweeps = {name: _sweep(data, cams, name, ids, workers) for name, ids in scored.items()}
    if ids_with_masks(data, "train"):
        threshold = sweeps["train"].best()
        chosen = "best of the sweep on the training list"
    else:
        threshold = DEFAULT_THRESHOLD
        chosen = "IRNet's value, since the training list has no masks to choose one by"
    lists = {
        name: score_entry(
            sweep.matrix(threshold),
            manifest=data,
            list_name=name,
            images=len(scored[name]),
            threshold={"value": threshold, "chosen": chosen},
            curve=sweep.curve() if name == "train" else None,
            why=NO_CAMS if data.ids(name) and not there[name] else None,
        )
        for name, sweep in sweeps.items()
    }
    write_scores(
        output,
        run=run,
        round_index=round_index,
        stage="cam",
        lists=lists,
        confounding=_confounding(data, cams, there, threshold),
    )


def _ids_there(data: Manifest, cams: str) -> dict[str, list[str]]:
    """The images of each list; none of the validation list where none of it has CAMs.

    Raises:
        ContaError: the store lacks an image that it should have.
    """
    train, val = data.ids("train"), data.ids("val")
    with StoreReader(cams, "cams", train, data.classes) as store:
        has_none = not any(i in store for i in {*val} - {*train})
    if has_none and not {*val} <= {*train}:
        return {"train": train, "val": []}
    with StoreReader(cams, "cams", val):
        return {"train": train, "val": val}


@dataclass(frozen=True)
class _Task:
    cams: str
    image_id: str
    truth: np.ndarray
    classes: int


def _sweep(
    data: Manifest, cams: str, list_name: str, ids: Sequence[str], workers: int
) -> ThresholdSweep:
    classes = len(data.class_names)

    def tasks() -> Iterator[_Task]:
        for image_id in ids:
            yield _Task(cams, image_id, data.read_mask(image_id), classes)

    total = ThresholdSweep(classes)
    results = map_in_order(_sweep_image, tasks(), workers)
    for sweep in track(results, len(ids), f"scores of the CAMs, {list_name}", LOGGER):
        total.add(sweep)
    return total


def _sweep_image(task: _Task) -> ThresholdSweep:
    with StoreReader(task.cams, "cams") as store:
        maps = store.read(task.image_id, "high_res")
        keys = store.read(task.image_id, "keys")
    return ThresholdSweep(task.classes).update(task.truth, *strongest_class(maps, keys))


def _confounding(
    data: Manifest, cams: str, there: Mapping[str, Sequence[str]], threshold: float
) -> dict[str, Any]:
    """Diagnostics by list; empty where no image has a context map.

    The swap test needs P(class), which CAMs without a classifier do not have.
    """
    result: dict[str, Any] = {}
    with StoreReader(cams, "cams") as store:
        for name, ids in there.items():
            places, swap, found, asked = ContextFalsePositives(), SwapTest(), False, False
            for image_id in ids:
                context = read_context_map(data, image_id)
                if context is None:
                    continue
                found = True
                keys = store.read(image_id, "keys")
                if store.has(image_id, "probability"):
                    asked = True
                    probability = store.read(image_id, "probability")
                    swap.update(probability, data.tag_vector(image_id), context)
                if data.images[image_id].mask:
                    labels = label_argmax(store.read(image_id, "high_res"), keys, threshold)
                    places.update(labels, data.read_mask(image_id), context, keys)
            if found:
                result[name] = places.result()
            if asked and name == "val":  # balanced: on the training list context tells the tags
                result[name]["swap_test"] = swap.result()
    return result
