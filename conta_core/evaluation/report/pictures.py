"""The section of pictures: what each stage makes of some training images, round by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.data.mask_folder import read_mask
from conta_core.evaluation.report.choice import (
    Judgement,
    image_miou,
    judge,
    picture_sets,
    tagged_images,
)
from conta_core.evaluation.report.figures import Figure, figure, label_figure
from conta_core.evaluation.report.pieces import Section
from conta_core.evaluation.report.round_figures import round_figures
from conta_core.evaluation.summary_rows import number
from conta_core.images.drawing.label_colours import label_entries

#: rounds that are shown: with more the page would not load at once
MAX_ROUNDS = 8


def pictures_section(manifest: Manifest, rounds: Sequence[Mapping[str, Any]]) -> Section | None:
    """Cards of pictures, one a training image; without scripts all rounds are below one another.

    Args:
        manifest: of the data set.
        rounds: paths of each round's files, as in :func:`conta_core.stages.summarise.summarise`.

    Returns:
        None where no training image has a tag.

    Raises:
        ContaError: a file that a picture is made of is missing or broken.
    """
    if not tagged_images(manifest):
        return None
    judgement = judge(manifest, [paths["pseudo_masks"] for paths in rounds])
    sets = picture_sets(manifest, judgement)
    ids = list(dict.fromkeys(image_id for one in sets for image_id in one.ids))
    shown = shown_rounds(len(rounds))
    cards = _cards(manifest, rounds, shown, ids, judgement)
    # an image has one card, in the first of its sets
    first = {image_id: one for one in reversed(sets) for image_id in one.ids}
    values = {
        "legend": label_entries(manifest.class_names),
        "rounds": len(rounds),
        "shown": shown,
        "sets": [
            {
                "title": one.title,
                "note": one.note,
                "cards": [cards[image_id] for image_id in one.ids if first[image_id] is one],
                "again": [image_id for image_id in one.ids if first[image_id] is not one],
            }
            for one in sets
        ],
    }
    return Section("pictures", "Pictures", "pictures.html", values)


def _cards(
    manifest: Manifest,
    rounds: Sequence[Mapping[str, Any]],
    shown: Sequence[int],
    ids: Sequence[str],
    judgement: Judgement,
) -> dict[str, dict[str, Any]]:
    """Image id -> its card: the image, its numbers, and what each of the shown rounds made."""
    images = {image_id: manifest.images[image_id].read_image() for image_id in ids}
    by_round = {i: round_figures(manifest, images, rounds[i], i) for i in shown}
    has_context = {i: bool(rounds[i].get("context")) for i in shown}
    for i in shown:
        if any(has_context.values()) and not has_context[i]:
            for image_id, figures in by_round[i].items():
                # a card keeps its height while the slider moves
                height, width = images[image_id].shape[:2]
                figures.append(Figure("M: none, no round follows", width, height))
    return {
        image_id: {
            "id": image_id,
            "name": manifest.images[image_id].own_name,
            "tags": ", ".join(manifest.images[image_id].tags),
            "note": _note(manifest, image_id, judgement, rounds),
            "image": _image_figures(manifest, image_id, images[image_id]),
            "rounds": {i: by_round[i][image_id] for i in shown},
        }
        for image_id in ids
    }


def shown_rounds(count: int) -> list[int]:
    """Of so many rounds those that are shown: the first, the last, and evenly between."""
    places = np.linspace(0, count - 1, min(MAX_ROUNDS, count)).round().astype(int)
    return [int(place) for place in places]


def _image_figures(manifest: Manifest, image_id: str, image: np.ndarray) -> list[Figure]:
    """The image, and its ground truth if it has one."""
    record = manifest.images[image_id]
    tags = ", ".join(record.tags)
    figures = [figure(image, "image", f"photograph {record.own_name}, tags: {tags}")]
    if record.mask:
        truth = manifest.read_mask(image_id)
        figures.append(label_figure(truth, "ground truth", manifest.class_names, image_id))
    return figures


def _note(
    manifest: Manifest,
    image_id: str,
    judgement: Judgement,
    rounds: Sequence[Mapping[str, Any]],
) -> str:
    """The numbers of one image."""
    words = []
    if image_id in judgement.miou:
        folders = [paths["pseudo_masks"] for paths in rounds]
        masks = [read_mask(folder, manifest.images[image_id]) for folder in folders]
        values = [
            number(image_miou(manifest, image_id, mask, folder))
            for mask, folder in zip(masks, folders, strict=True)
        ]
        words.append(f"mIoU of the pseudo-mask by round: {', '.join(values)}")
    if image_id in judgement.changed:
        words.append(f"{judgement.changed[image_id]:.1f} % of its pixels changed")
    return "; ".join(words)
