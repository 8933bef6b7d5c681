"""make_pseudo_masks: refined CAMs to one palette PNG a training image."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from conta_core.atomic import replace_folder_when_done
from conta_core.crf import refine_labels
from conta_core.images import read_image
from conta_core.manifest import ImageRecord, Manifest
from conta_core.masks import write_label_png
from conta_core.parallel import map_in_order
from conta_core.progress import track
from conta_core.pseudo_masks import label_argmax, upsample_refined
from conta_core.settings import LabelCrfSettings, PseudoMaskSettings
from conta_core.stores.reader import StoreReader

LOGGER = logging.getLogger(__name__)


def make_pseudo_masks(
    *,
    manifest: str,
    refined: str,
    output: str,
    settings: PseudoMaskSettings,
    label_crf: LabelCrfSettings,
    workers: int,
) -> None:
    """Write the pseudo-mask of every training image as ``<id>.png``.

    A mask is the argmax of [background threshold, refined CAMs at full size] (IRNet,
    section 5), sharpened by a CRF where ``settings.crf`` says so.

    Args:
        manifest: path of dataset.json.
        refined: path of the refined CAMs' store.
        output: folder; an older one is replaced when all masks are made.
        settings: background threshold, and whether to use the CRF.
        label_crf: the CRF's values.
        workers: processes.

    Raises:
        ContaError: a file is missing or broken.
    """
    data = Manifest.load(manifest)
    ids = data.ids("train")
    with StoreReader(refined, "refined", ids, data.classes):
        pass  # refuses a store that lacks an image, before any work
    with replace_folder_when_done(output) as folder:
        tasks = (_Task(refined, data.images[i], folder, settings, label_crf) for i in ids)
        written = map_in_order(_write_mask, tasks, workers)
        for _ in track(written, len(ids), "pseudo-masks", LOGGER):
            pass


@dataclass(frozen=True)
class _Task:
    refined: str
    record: ImageRecord
    folder: Path
    settings: PseudoMaskSettings
    label_crf: LabelCrfSettings


def _write_mask(task: _Task) -> None:
    record = task.record
    with StoreReader(task.refined, "refined") as store:
        maps = upsample_refined(store.read(record.id, "refined"), record.size)
        keys = store.read(record.id, "keys")
    own = label_argmax(maps, np.arange(len(keys)), task.settings.background_threshold)
    if task.settings.crf:
        own = refine_labels(read_image(record.image), own, len(keys) + 1, task.label_crf)
    labels = np.concatenate([[0], keys + 1]).astype(np.uint8)[own]
    write_label_png(task.folder / f"{record.id}.png", labels)
