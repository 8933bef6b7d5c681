"""evaluate_pseudo_masks: scores of the pseudo-masks on the training list."""

from __future__ import annotations

import logging

from conta_core.data.manifest import Manifest
from conta_core.data.mask_folder import read_mask, require_masks
from conta_core.errors import ContaError
from conta_core.evaluation.scores.mask_scores import MaskScores
from conta_core.evaluation.scores.score_files import ids_with_masks, write_scores
from conta_core.runtime.progress import track

LOGGER = logging.getLogger(__name__)


def evaluate_pseudo_masks(
    *, manifest: str, pseudo_masks: str, output: str, run: str, round_index: int
) -> None:
    """Score the pseudo-masks; a pixel of 255 in a pseudo-mask counts as wrong.

    Args:
        manifest: path of dataset.json.
        pseudo_masks: folder of ``<id>.png``.
        output: path of the scores json.
        run: name of the run.
        round_index: the round.

    Raises:
        ContaError: a mask is missing, unreadable, of another size or with other labels.
    """
    data = Manifest.load(manifest)
    ids = ids_with_masks(data, "train")
    require_masks(pseudo_masks, ids)
    scores = MaskScores(data, "train")
    for image_id in track(ids, len(ids), "scores of the pseudo-masks", LOGGER):
        path = f"{pseudo_masks}/{image_id}.png"
        try:
            scores.add(data.read_mask(image_id), read_mask(pseudo_masks, data.images[image_id]))
        except ValueError as error:
            raise ContaError(f"{path}: {error}; make the pseudo-masks again") from None
    lists = {"train": scores.entry()}
    write_scores(output, run=run, round_index=round_index, stage="pseudo_masks", lists=lists)
