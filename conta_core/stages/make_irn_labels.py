"""make_irn_labels: confident labels of every training image, from its CAMs and a CRF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.refinement.ir_labels import ir_labels
from conta_core.runtime.parallel import map_in_order
from conta_core.settings import IrnSettings
from conta_core.stages.image_by_image import Arrays, PartOutput, make_part
from conta_core.storage.stores.reader import StoreReader


def make_irn_labels(
    *,
    manifest: str,
    cams: str,
    output: PartOutput,
    settings: IrnSettings,
    workers: int,
) -> None:
    """Write a part of the IR labels of the training list (IRNet, section 3.3).

    Args:
        manifest: path of dataset.json.
        cams: path of the CAMs' store.
        output: the part of labels.h5 that this job writes.
        settings: the two thresholds and the CRF; the network's keys are not read.
        workers: processes.

    Raises:
        ContaError: a file is missing or broken.
    """
    data = Manifest.load(manifest)
    ids = data.ids("train")
    with StoreReader(cams, "cams", ids, data.classes):
        pass  # refuses a store that lacks an image, before any work

    def make(missing: Sequence[str]) -> Iterator[Arrays]:
        tasks = (_Task(cams, data.images[i], settings) for i in missing)
        for labels in map_in_order(_labels, tasks, workers):
            yield {"labels": labels}

    used = {"foreground_threshold", "background_threshold", "label_crf"}
    make_part(
        make,
        output=output,
        kind="labels",
        data=data,
        ids=ids,
        settings=settings.model_dump(mode="json", include=used),
        stage=make_irn_labels,
        inputs=[manifest, cams],
        what="IR labels",
    )


@dataclass(frozen=True)
class _Task:
    cams: str
    record: ImageRecord
    settings: IrnSettings


def _labels(task: _Task) -> np.ndarray:
    with StoreReader(task.cams, "cams") as store:
        high_res = store.read(task.record.id, "high_res")
        keys = store.read(task.record.id, "keys")
    return ir_labels(task.record.read_image(), high_res, keys, task.settings)
