"""evaluate_segmentation: scores of the segmentation model on both lists, without a CRF."""

from __future__ import annotations

import logging
from typing import Any

from conta_core.data.manifest import Manifest
from conta_core.evaluation.confounding import ContextFalsePositives, read_context_map
from conta_core.evaluation.scores.mask_scores import MaskScores
from conta_core.evaluation.scores.score_files import ids_with_masks, write_scores
from conta_core.networks.segmentation_output import predicted_labels
from conta_core.runtime.progress import track
from conta_core.storage.stores.reader import StoreReader

LOGGER = logging.getLogger(__name__)


def evaluate_segmentation(
    *, manifest: str, train_masks: str, logits: str, output: str, run: str, round_index: int
) -> None:
    """Score the predicted masks of the training list and the logits of the validation list.

    Where validation images have context maps, their false positives are told apart by
    context (:mod:`conta_core.evaluation.confounding`), over all classes.

    Args:
        manifest: path of dataset.json.
        train_masks: path of the store of predicted masks X_m.
        logits: path of the store of logits.
        output: path of the scores json.
        run: name of the run.
        round_index: the round.

    Raises:
        ContaError: a file is missing or broken.
    """
    data = Manifest.load(manifest)
    confounding: dict[str, Any] = {}

    train = ids_with_masks(data, "train")
    train_scores = MaskScores(data, "train")
    with StoreReader(train_masks, "train_masks", train, data.classes) as store:
        for image_id in track(train, len(train), "scores of the predicted masks, train", LOGGER):
            train_scores.add(data.read_mask(image_id), store.read(image_id, "mask"))

    val = ids_with_masks(data, "val")
    val_scores = MaskScores(data, "val")
    places = ContextFalsePositives()
    with StoreReader(logits, "logits", val, data.classes) as store:
        for image_id in track(val, len(val), "scores of the predicted masks, val", LOGGER):
            truth = data.read_mask(image_id)
            mask = predicted_labels(store.read(image_id, "logits"), data.images[image_id].size)
            val_scores.add(truth, mask)
            context = read_context_map(data, image_id)
            if context is not None:
                places.update(mask, truth, context, range(len(data.classes)))
    if places.images:
        confounding["val"] = places.result()

    write_scores(
        output,
        run=run,
        round_index=round_index,
        stage="segmentation",
        lists={"train": train_scores.entry(), "val": val_scores.entry()},
        confounding=confounding,
    )
