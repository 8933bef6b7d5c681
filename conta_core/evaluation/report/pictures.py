"""The section of pictures: what each stage makes of some training images, round by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from conta_core.data.images import read_image
from conta_core.data.manifest import Manifest
from conta_core.data.masks import read_label_png
from conta_core.evaluation.report.choice import (
    Judgement,
    image_miou,
    judge,
    picture_sets,
    tagged_images,
)
from conta_core.evaluation.report.figures import figure, label_figure
from conta_core.evaluation.report.html_pieces import legend, section
from conta_core.evaluation.report.round_figures import round_figures
from conta_core.evaluation.summary import number

#: rounds that are shown: with more the page would not load at once
MAX_ROUNDS = 8

EXPLAINED = (
    "CAM and refined: the strongest of the image's classes at each pixel, dark is 0 and bright is "
    "1. X_m: the mask that the segmentation model predicts. M: the context that goes into the next "
    "round's classifier, dark is its lowest and bright its highest value."
)


def pictures_section(manifest: Manifest, rounds: Sequence[Mapping[str, Any]]) -> str | None:
    """Cards of pictures, one a training image; without scripts all rounds are below one another.

    Args:
        manifest: of the data set.
        rounds: paths of each round's files, as in :func:`conta_core.stages.summarise.summarise`.

    Returns:
        html; None where no training image has a tag.

    Raises:
        ContaError: a file that a picture is made of is missing or broken.
    """
    if not tagged_images(manifest):
        return None
    judgement = judge(manifest, [paths["pseudo_masks"] for paths in rounds])
    sets = picture_sets(manifest, judgement)
    ids = list(dict.fromkeys(image_id for one in sets for image_id in one.ids))
    shown = shown_rounds(len(rounds))
    images = {image_id: read_image(manifest.images[image_id].image) for image_id in ids}
    by_round = {i: round_figures(manifest, images, rounds[i], i) for i in shown}
    if any(rounds[i].get("context") for i in shown):
        for i in shown:
            if not rounds[i].get("context"):
                for image_id, figures in by_round[i].items():
                    figures.append(_no_context(images[image_id]))
    parts = [f"<p>{EXPLAINED}</p>", legend(manifest.class_names)]
    if len(shown) < len(rounds):
        parts.append(f"<p>{len(shown)} of {len(rounds)} rounds, evenly spaced.</p>")
    if len(shown) > 1:
        parts.append(_control(shown))
    above: set[str] = set()
    for one in sets:
        parts += [f"<h3>{escape(one.title)}</h3>", f"<p>{escape(one.note)}</p>"]
        again = [i for i in one.ids if i in above]
        for image_id in one.ids:
            if image_id not in above:
                rows = {i: by_round[i][image_id] for i in shown}
                note = _note(manifest, image_id, judgement, rounds)
                parts.append(_card(manifest, image_id, images[image_id], note, rows))
        if again:
            links = ", ".join(f'<a href="#image-{i}">{i}</a>' for i in again)
            parts.append(f"<p>Of this set, shown above: {links}.</p>")
        above.update(one.ids)
    return section("pictures", "Pictures", parts)


def shown_rounds(count: int) -> list[int]:
    """Of so many rounds those that are shown: the first, the last, and evenly between."""
    places = np.linspace(0, count - 1, min(MAX_ROUNDS, count)).round().astype(int)
    return [int(place) for place in places]


def _no_context(image: np.ndarray) -> str:
    """The place of M where there is none: a card keeps its height while the slider moves."""
    height, width = image.shape[:2]
    return (
        f'<figure><div class="blank" style="aspect-ratio: {width} / {height}"></div>'
        "<figcaption>M: none, no round follows</figcaption></figure>"
    )


def _control(shown: Sequence[int]) -> str:
    """The slider; a script shows it, since without one it does nothing."""
    last = len(shown) - 1
    return (
        '<form id="round-control" class="control" aria-label="round of the pictures" hidden>'
        '<label for="round-slider">Round</label>'
        f'<input type="range" id="round-slider" min="0" max="{last}" step="1" value="{last}" '
        f'data-rounds="{" ".join(map(str, shown))}">'
        '<output for="round-slider" id="round-shown"></output>'
        '<label><input type="checkbox" id="round-all"> all rounds</label></form>'
    )


def _card(
    manifest: Manifest,
    image_id: str,
    image: np.ndarray,
    note: str,
    rows: Mapping[int, Sequence[str]],
) -> str:
    """An image with what every round made of it."""
    record = manifest.images[image_id]
    tags = ", ".join(record.tags)
    first = [figure(image, "image", f"photograph {image_id}, tags: {tags}")]
    if record.mask:
        truth = manifest.read_mask(image_id)
        first.append(label_figure(truth, "ground truth", manifest.class_names, image_id))
    body = [f"<div class=row>{''.join(first)}</div>"]
    body += [
        f'<div class="row" data-round="{index}"><p class="which">round {index}</p>'
        f"{''.join(figures)}</div>"
        for index, figures in rows.items()
    ]
    return (
        f'<article class="card" id="image-{image_id}"><h4>{escape(image_id)} '
        f"<span class=soft>({escape(tags)})</span></h4>"
        + (f"<p>{escape(note)}</p>" if note else "")
        + f"<div class=rows>{''.join(body)}</div></article>"
    )


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
        masks = [read_label_png(f"{folder}/{image_id}.png") for folder in folders]
        values = [
            number(image_miou(manifest, image_id, mask, folder))
            for mask, folder in zip(masks, folders, strict=True)
        ]
        words.append(f"mIoU of the pseudo-mask by round: {', '.join(values)}")
    if image_id in judgement.changed:
        words.append(f"{judgement.changed[image_id]:.1f} % of its pixels changed")
    return "; ".join(words)
