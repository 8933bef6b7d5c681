"""evaluate_crf: scores of the segmentation model's validation predictions after a CRF."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.evaluation.scores.mask_scores import MaskScores
from conta_core.evaluation.scores.score_files import ids_with_masks, write_scores
from conta_core.networks.segmentation_output import softmax, upsample_logits
from conta_core.refinement.crf import refine_probabilities
from conta_core.runtime.parallel import map_in_order
from conta_core.runtime.progress import track
from conta_core.settings import CrfSettings
from conta_core.storage.stores.reader import StoreReader

LOGGER = logging.getLogger(__name__)


def evaluate_crf(
    *,
    manifest: str,
    logits: str,
    output: str,
    settings: CrfSettings,
    run: str,
    round_index: int,
    workers: int,
) -> None:
    """Score the validation list after a dense CRF on the softmax of the logits.

    Args:
        manifest: path of dataset.json.
        logits: path of the store of logits.
        output: path of the scores json.
        settings: the CRF's values.
        run: name of the run.
        round_index: the round.
        workers: processes.

    Raises:
        ContaError: a file is missing or broken.
    """
    data = Manifest.load(manifest)
    ids = ids_with_masks(data, "val")
    with StoreReader(logits, "logits", ids, data.classes):
        pass  # refuses a store that lacks an image, before any work
    scores = MaskScores(data, "val")
    tasks = (_Task(logits, data.images[i], settings) for i in ids)
    masks = map_in_order(_sharpened, tasks, workers)
    for image_id, mask in track(
        zip(ids, masks, strict=True), len(ids), "scores after the CRF", LOGGER
    ):
        scores.add(data.read_mask(image_id), mask)
    lists = {"val": scores.entry()}
    write_scores(output, run=run, round_index=round_index, stage="segmentation_crf", lists=lists)


@dataclass(frozen=True)
class _Task:
    logits: str
    record: ImageRecord
    settings: CrfSettings


def _sharpened(task: _Task) -> np.ndarray:
    with StoreReader(task.logits, "logits") as store:
        logits = upsample_logits(store.read(task.record.id, "logits"), task.record.size)
    image = task.record.read_image()
    probabilities = refine_probabilities(image, softmax(logits), task.settings)
    return probabilities.argmax(axis=0).astype(np.uint8)
