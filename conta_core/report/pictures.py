"""The section of pictures: what each stage makes of a few training images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from conta_core.images import read_image
from conta_core.manifest import Manifest
from conta_core.masks import read_label_png
from conta_core.pseudo_masks import strongest_class, upsample_refined
from conta_core.report.figures import figure, heat_map, heat_over, label_figure
from conta_core.report.html_pieces import legend, strip
from conta_core.stores.reader import StoreReader

#: how many training images are shown
SHOWN = 6


def pictures_section(manifest: Manifest, rounds: Sequence[Mapping[str, Any]]) -> list[str]:
    """Strips of pictures of the same training images, round by round.

    Args:
        manifest: of the data set.
        rounds: paths of each round's files, as in :func:`conta_core.stages.summarise.summarise`.

    Returns:
        html, piece by piece; nothing where no training image has a tag.

    Raises:
        ContaError: a file that a picture is made of is missing or broken.
    """
    ids = shown_images(manifest)
    if not ids:
        return []
    parts = [
        "<h2>Pictures</h2>",
        f"<p>{len(ids)} training images, evenly spaced over those with a tag; the same ones in "
        "every report. CAM and refined: the strongest of the image's classes at each pixel, dark "
        "is 0 and bright is 1. X_m: the mask that the segmentation model predicts. M: the context "
        "that goes into a round's classifier, dark is its lowest and bright its highest value.</p>",
        legend(manifest.class_names),
    ]
    for image_id in ids:
        record = manifest.images[image_id]
        image = read_image(record.image)
        tags = ", ".join(record.tags)
        first = [figure(image, "image", f"photograph {image_id}, tags: {tags}")]
        if record.mask:
            truth = manifest.read_mask(image_id)
            first.append(label_figure(truth, "ground truth", manifest.class_names, image_id))
        parts.append(f"<h3>{escape(image_id)} <span class=soft>({escape(tags)})</span></h3>")
        parts.append(strip(first))
        for index, paths in enumerate(rounds):
            parts.append(f"<p>round {index}</p>")
            parts.append(strip(_round_figures(manifest, image_id, image, paths, index)))
    return parts


def shown_images(manifest: Manifest) -> list[str]:
    """The training images of the report: evenly spaced over those with a tag."""
    tagged = [i for i in manifest.ids("train") if manifest.images[i].tags]
    places = np.linspace(0, len(tagged) - 1, min(SHOWN, len(tagged))).round().astype(int)
    return [tagged[place] for place in places]


def _round_figures(
    manifest: Manifest, image_id: str, image: np.ndarray, paths: Mapping[str, Any], index: int
) -> list[str]:
    """What a round made of an image, in the order of its stages."""
    names, where = manifest.class_names, f"{image_id}, round {index}"

    def read(kind: str, *arrays: str) -> list[np.ndarray]:
        with StoreReader(paths[kind], kind, [image_id], manifest.classes) as store:
            return [store.read(image_id, array) for array in arrays]

    cam, keys = read("cams", "high_res", "keys")
    refined, refined_keys = read("refined", "refined", "keys")
    refined = upsample_refined(refined, image.shape[:2])
    pseudo_mask = read_label_png(Path(paths["pseudo_masks"]) / f"{image_id}.png")
    (train_mask,) = read("train_masks", "mask")
    figures = [
        _map_figure(image, cam, keys, "CAM", manifest.classes, where),
        _map_figure(image, refined, refined_keys, "refined", manifest.classes, where),
        label_figure(pseudo_mask, "pseudo-mask", names, where),
        label_figure(train_mask, "X_m", names, where),
    ]
    if paths.get("context"):
        with StoreReader(paths["context"], "context", [image_id], manifest.classes) as store:
            figures.append(_context_figure(store, image_id, image.shape[:2]))
    return figures


def _map_figure(
    image: np.ndarray,
    values: np.ndarray,
    keys: np.ndarray,
    label: str,
    classes: Sequence[str],
    where: str,
) -> str:
    """The strongest of an image's maps (k, H, W) at each pixel, over the image."""
    strongest, by_class = strongest_class(values, keys)
    shown = _names_by_area(by_class, keys, classes)
    return figure(heat_over(image, strongest), f"{label}: {shown}", f"{label} of {where}: {shown}")


def _context_figure(store: StoreReader, image_id: str, size: tuple[int, int]) -> str:
    """M of an image at its height and width."""
    context = store.read(image_id, "mask").astype(np.float32)
    low, high = float(context.min()), float(context.max())
    label = f"M for round {store.round + 1}, {low:.2g} to {high:.2g}"
    enlarged = cv2.resize((context - low) / max(high - low, 1e-12), size[::-1])
    return figure(heat_map(enlarged), label, f"{label}, of {image_id}")


def _names_by_area(by_class: np.ndarray, keys: np.ndarray, classes: Sequence[str]) -> str:
    areas = {int(key): int((by_class == key).sum()) for key in keys}
    return ", ".join(classes[key] for key in sorted(areas, key=lambda key: -areas[key]))
