"""make_pseudo_masks: refined CAMs to one palette PNG a training image."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from conta_core.causal.intervention.threshold import THRESHOLDS, areas_above, same_area_threshold
from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.data.mask_folder import write_mask
from conta_core.images.masks import IGNORE
from conta_core.refinement.crf import refine_labels
from conta_core.refinement.pseudo_masks import label_argmax, upsample_refined
from conta_core.runtime.parallel import map_in_order
from conta_core.runtime.progress import track
from conta_core.seeds.foreign.pseudo_masks import copy_pseudo_masks
from conta_core.settings import PseudoMaskSettings
from conta_core.storage.atomic import replace_folder_when_done
from conta_core.storage.stores.reader import StoreReader

LOGGER = logging.getLogger(__name__)


def make_pseudo_masks(
    *,
    manifest: str,
    refined: str | None,
    first_refined: str | None,
    output: str,
    settings: PseudoMaskSettings,
    area_filter: tuple[float, float] | None,
    workers: int,
) -> None:
    """Write the pseudo-mask of every training image as ``<id>.png``.

    A mask is the argmax of [background threshold, refined CAMs at full size] (IRNet,
    section 5), sharpened by a CRF where ``settings.crf`` says so; a pixel of which that CRF is not
    sure enough is 255 where ``settings.ignore_below`` says so. Without refined CAMs, the masks are
    those of the folder ``settings.imported``, checked.

    Args:
        manifest: path of dataset.json.
        refined: path of the refined CAMs' store; None: the masks are read.
        first_refined: path of round 0's, by which the threshold is chosen anew
            (:mod:`conta_core.causal.intervention.threshold`); None: it is the settings'.
        output: folder; an older one is replaced when all masks are made.
        settings: background threshold, and the CRF; or the folder of masks.
        area_filter: least and greatest area of an object that is trusted; read with
            ``first_refined`` alone.
        workers: processes.

    Raises:
        ContaError: a file is missing or broken.
    """
    data = Manifest.load(manifest)
    ids = data.ids("train")
    if refined is None:
        imported = str(settings.imported)
        with replace_folder_when_done(output) as folder:
            copied = copy_pseudo_masks(imported, folder, data, ids, workers)
            for _ in track(copied, len(ids), "pseudo-masks", LOGGER):
                pass
        return
    with StoreReader(refined, "refined", ids, data.classes):
        pass  # refuses a store that lacks an image, before any work
    if first_refined is not None:
        threshold = _same_area(data, refined, first_refined, settings, area_filter, workers)
        settings = settings.model_copy(update={"background_threshold": threshold})
    with replace_folder_when_done(output) as folder:
        tasks = (_Task(refined, data.images[i], folder, settings) for i in ids)
        written = map_in_order(_write_mask, tasks, workers)
        for _ in track(written, len(ids), "pseudo-masks", LOGGER):
            pass


def _same_area(
    data: Manifest,
    refined: str,
    first_refined: str,
    settings: PseudoMaskSettings,
    area_filter: tuple[float, float] | None,
    workers: int,
) -> float:
    """The threshold at which trusted objects are as large as in round 0."""
    ids, own = data.ids("train"), settings.background_threshold
    with StoreReader(first_refined, "refined", ids, data.classes):
        pass
    before = _areas(data, first_refined, np.array([own]), workers)
    first = {i: {index: float(area[0]) for index, area in found.items()} for i, found in before}
    now = dict(_areas(data, refined, THRESHOLDS, workers))
    threshold = same_area_threshold(first, now, len(data.classes), area_filter)
    LOGGER.info(
        "background threshold %.2f: there, objects are as large as in round 0 at %.2f",
        threshold,
        own,
    )
    return threshold


def _areas(
    data: Manifest, refined: str, thresholds: np.ndarray, workers: int
) -> Iterator[tuple[str, dict[int, np.ndarray]]]:
    """Image id, and the areas of its tags at each threshold."""
    ids = data.ids("train")
    found = map_in_order(_areas_of, ((refined, data.images[i], thresholds) for i in ids), workers)
    return zip(ids, found, strict=True)


def _areas_of(task: tuple[str, ImageRecord, np.ndarray]) -> dict[int, np.ndarray]:
    refined, record, thresholds = task
    return areas_above(*_read(refined, record), thresholds)


@dataclass(frozen=True)
class _Task:
    refined: str
    record: ImageRecord
    folder: Path
    settings: PseudoMaskSettings


def _write_mask(task: _Task) -> None:
    record = task.record
    maps, keys = _read(task.refined, record)
    settings, count = task.settings, len(keys) + 1
    own = label_argmax(maps, np.arange(len(keys)), settings.background_threshold)
    if settings.crf:
        image, ignore = record.read_image(), settings.ignore_below
        (own,) = refine_labels(image, [own], count, settings.label_crf, ignore)
    meant = np.full(IGNORE + 1, IGNORE, dtype=np.uint8)
    meant[:count] = [0, *(keys + 1)]
    labels = meant[own]
    write_mask(task.folder, record, labels)


def _read(refined: str, record: ImageRecord) -> tuple[np.ndarray, np.ndarray]:
    """Refined CAMs at full size, float32 (k, H, W), and their class indices, int (k,)."""
    with StoreReader(refined, "refined") as store:
        maps = upsample_refined(store.read(record.id, "refined"), record.size)
        return maps, store.read(record.id, "keys")
