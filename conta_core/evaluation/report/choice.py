"""Which images the page shows: some by chance, the worst, the best, the most changed."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.data.mask_folder import read_mask, require_masks
from conta_core.errors import ContaError
from conta_core.evaluation.scores.confusion import confusion_matrix, mean_iou
from conta_core.runtime.progress import track

LOGGER = logging.getLogger(__name__)
#: images by chance, and of each extreme
BY_CHANCE, EXTREME = 6, 10


@dataclass(frozen=True)
class Judgement:
    """What is known of the pseudo-masks of single images.

    Attributes:
        miou: image id -> mIoU in percent of the last round's pseudo-mask, over the labels in
            it or in the truth; images with ground truth alone.
        changed: image id -> percent of its pixels that have another label in the last
            round than in the first; empty where there is one round.
    """

    miou: Mapping[str, float]
    changed: Mapping[str, float]


@dataclass(frozen=True)
class PictureSet:
    """Images that are shown together.

    Attributes:
        title: of the set.
        note: how they were chosen, or why there are none.
        ids: of the images.
    """

    title: str
    note: str
    ids: Sequence[str]


def tagged_images(manifest: Manifest) -> list[str]:
    """The training images that have a tag: those that the page chooses from."""
    return [i for i in manifest.ids("train") if manifest.images[i].tags]


def by_chance(ids: Sequence[str]) -> list[str]:
    """A few images, in the order of the list; the same in every report of the same list."""
    count = min(BY_CHANCE, len(ids))
    places = np.random.default_rng(0).choice(len(ids), count, replace=False)
    return [ids[place] for place in sorted(places)]


def judge(manifest: Manifest, folders: Sequence[str]) -> Judgement:
    """Look at the pseudo-masks of every image that may be shown.

    Args:
        manifest: of the data set.
        folders: pseudo-masks of each round.

    Raises:
        ContaError: a mask is missing, unreadable, of another size or with other labels.
    """
    ids = tagged_images(manifest)
    for folder in {folders[0], folders[-1]}:
        require_masks(folder, ids)
    miou: dict[str, float] = {}
    changed: dict[str, float] = {}
    for image_id in track(ids, len(ids), "pseudo-masks of single images", LOGGER):
        last = read_mask(folders[-1], manifest.images[image_id])
        if manifest.images[image_id].mask:
            value = image_miou(manifest, image_id, last, folders[-1])
            if not math.isnan(value):
                miou[image_id] = value
        if len(folders) > 1:
            first = read_mask(folders[0], manifest.images[image_id])
            if first.shape != last.shape:
                raise ContaError(
                    f"{folders[0]}/{image_id}.png: size {first.shape}, but {last.shape} in "
                    f"{folders[-1]}; delete both folders and make them again"
                )
            changed[image_id] = 100 * float((first != last).mean())
    return Judgement(miou, changed)


def image_miou(manifest: Manifest, image_id: str, mask: np.ndarray, folder: str) -> float:
    """The mIoU of one pseudo-mask in percent, over the labels in it or in the truth.

    Args:
        manifest: of the data set.
        image_id: of an image with ground truth.
        mask: uint8 (H, W); a pixel of 255 counts as wrong.
        folder: of the mask, for an error.

    Returns:
        0..100, NaN where the truth is ignored everywhere.

    Raises:
        ContaError: the mask has another size or other labels than the truth.
    """
    try:
        truth = manifest.read_mask(image_id)
        return mean_iou(confusion_matrix(truth, mask, len(manifest.class_names)))
    except ValueError as error:
        raise ContaError(f"{folder}/{image_id}.png: {error}; make the pseudo-masks again") from None


def picture_sets(manifest: Manifest, judgement: Judgement) -> list[PictureSet]:
    """The images of the page, each set in its order."""
    chosen = by_chance(tagged_images(manifest))
    sets = [
        PictureSet(
            "By chance",
            f"{len(chosen)} training images with a tag, drawn once with a fixed seed: runs on the "
            "same list show the same ones.",
            chosen,
        )
    ]
    # the lowest first; equals in the order of the list
    ranked = sorted(judgement.miou, key=lambda image_id: judgement.miou[image_id])
    if ranked:
        count = min(EXTREME, math.ceil(len(ranked) / 2))
        how = (
            "by the mIoU of the last round's pseudo-mask in the image itself, over the labels in "
            f"the mask or in the truth; of {len(ranked)} training images with tags and masks."
        )
        sets.append(PictureSet(f"Worst {count}", f"The lowest {how}", ranked[:count]))
        best = ranked[::-1][:count]
        sets.append(PictureSet(f"Best {count}", f"The highest {how}", best))
    else:
        why = "No training image has a ground-truth mask, so that none can be called best or worst."
        sets.append(PictureSet("Worst and best", why, ()))
    changed = sorted(judgement.changed, key=lambda i: -judgement.changed[i])[:EXTREME]
    how = "by the percent of pixels whose label differs between round 0 and the last round."
    why = f"The highest {how}" if changed else "One round: nothing to compare."
    sets.append(PictureSet("Most changed between rounds", why, changed))
    return sets
