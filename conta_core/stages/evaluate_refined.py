"""evaluate_refined: scores of the refined CAMs on the training list."""

from __future__ import annotations

import logging

from conta_core.data.manifest import Manifest
from conta_core.evaluation.scores.score_files import ids_with_masks, score_entry, write_scores
from conta_core.evaluation.scores.threshold_sweep import ThresholdSweep
from conta_core.refinement.pseudo_masks import strongest_class, upsample_refined
from conta_core.runtime.progress import track
from conta_core.storage.stores.reader import StoreReader

LOGGER = logging.getLogger(__name__)


def evaluate_refined(
    *, manifest: str, refined: str, output: str, run: str, round_index: int
) -> None:
    """Score the refined CAMs, at the best threshold of a sweep on the same list.

    Args:
        manifest: path of dataset.json.
        refined: path of the refined CAMs' store.
        output: path of the scores json.
        run: name of the run.
        round_index: the round.

    Raises:
        ContaError: a file is missing or broken.
    """
    data = Manifest.load(manifest)
    ids = ids_with_masks(data, "train")
    sweep = ThresholdSweep(len(data.class_names))
    with StoreReader(refined, "refined", ids, data.classes) as store:
        for image_id in track(ids, len(ids), "scores of the refined CAMs", LOGGER):
            maps = upsample_refined(store.read(image_id, "refined"), data.images[image_id].size)
            strongest = strongest_class(maps, store.read(image_id, "keys"))
            sweep.update(data.read_mask(image_id), *strongest)
    threshold = sweep.best()
    entry = score_entry(
        sweep.matrix(threshold),
        manifest=data,
        list_name="train",
        images=len(ids),
        threshold={"value": threshold, "chosen": "best of the sweep on the training list"}
        if ids
        else None,
        curve=sweep.curve(),
    )
    write_scores(output, run=run, round_index=round_index, stage="refined", lists={"train": entry})
