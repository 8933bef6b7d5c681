"""make_irn_labels: confident labels of every training image, from its CAMs and a CRF."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from conta_core.images import read_image
from conta_core.ir_labels import ir_labels
from conta_core.manifest import Manifest
from conta_core.parallel import map_in_order
from conta_core.progress import track
from conta_core.settings import IrnSettings
from conta_core.stores import StoreReader, write_store

LOGGER = logging.getLogger(__name__)


def make_irn_labels(
    *,
    manifest: str,
    cams: str,
    output: str,
    settings: IrnSettings,
    run: str,
    round_index: int,
    workers: int,
) -> None:
    """Write the IR labels of the training list (IRNet, section 3.3).

    Args:
        manifest: path of dataset.json.
        cams: path of the CAMs' store.
        output: path of the `labels` store.
        settings: the two thresholds and the CRF; the network's keys are not read.
        run: name of the run.
        round_index: the round.
        workers: processes.

    Raises:
        ContaError: a file is missing or broken.
    """
    data = Manifest.load(manifest)
    ids = data.ids("train")
    with StoreReader(cams, "cams", ids, data.classes):
        pass  # refuses a store that lacks an image, before any work
    tasks = (_Task(cams, i, data.images[i].image, settings) for i in ids)
    used = {"foreground_threshold", "background_threshold", "label_crf"}
    with write_store(
        output,
        "labels",
        classes=data.classes,
        run=run,
        round_index=round_index,
        settings=settings.model_dump(mode="json", include=used),
    ) as store:
        results = map_in_order(_labels, tasks, workers)
        for image_id, labels in track(
            zip(ids, results, strict=True), len(ids), "IR labels", LOGGER
        ):
            store.write(image_id, {"labels": labels}, data.images[image_id].size)


@dataclass(frozen=True)
class _Task:
    cams: str
    image_id: str
    image: str
    settings: IrnSettings


def _labels(task: _Task) -> np.ndarray:
    with StoreReader(task.cams, "cams") as store:
        high_res = store.read(task.image_id, "high_res")
        keys = store.read(task.image_id, "keys")
    return ir_labels(read_image(task.image), high_res, keys, task.settings)
