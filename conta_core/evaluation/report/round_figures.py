"""What one round made of images, as figures in the order of its stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from conta_core.causal.conta.context_maps import sum_classes
from conta_core.data.manifest import Manifest
from conta_core.data.masks import read_label_png
from conta_core.drawing.colour_maps import heat_map, heat_over
from conta_core.evaluation.report.figures import Figure, figure, label_figure
from conta_core.refinement.pseudo_masks import strongest_class, upsample_refined
from conta_core.storage.stores.reader import StoreReader


def round_figures(
    manifest: Manifest, images: Mapping[str, np.ndarray], paths: Mapping[str, Any], index: int
) -> dict[str, list[Figure]]:
    """CAM, refined, pseudo-mask, X_m and, where the round has one, M.

    Args:
        manifest: of the data set.
        images: image id -> uint8 RGB (H, W, 3).
        paths: of the round's files.
        index: the round.

    Returns:
        image id -> its figures.

    Raises:
        ContaError: a store or a mask is missing or broken.
    """
    with ExitStack() as stack:

        def opened(kind: str) -> StoreReader:
            store = StoreReader(paths[kind], kind, list(images), manifest.classes)
            return stack.enter_context(store)

        cams, refined, train_masks = (opened(k) for k in ("cams", "refined", "train_masks"))
        context = opened("context") if paths.get("context") else None
        found: dict[str, list[Figure]] = {}
        for image_id, image in images.items():
            where, names = f"{image_id}, round {index}", manifest.class_names
            maps = cams.read(image_id, "high_res")
            grid = upsample_refined(refined.read(image_id, "refined"), image.shape[:2])
            pseudo_mask = read_label_png(Path(paths["pseudo_masks"]) / f"{image_id}.png")
            figures = [
                _map_figure(
                    image, values, store.read(image_id, "keys"), label, manifest.classes, where
                )
                for label, store, values in (("CAM", cams, maps), ("refined", refined, grid))
            ]
            figures += [
                label_figure(pseudo_mask, "pseudo-mask", names, where),
                label_figure(train_masks.read(image_id, "mask"), "X_m", names, where),
            ]
            if context:
                figures.append(_context_figure(context, image_id, image.shape[:2]))
            found[image_id] = figures
    return found


def _map_figure(
    image: np.ndarray,
    values: np.ndarray,
    keys: np.ndarray,
    label: str,
    classes: Sequence[str],
    where: str,
) -> Figure:
    """The strongest of an image's maps (k, H, W) at each pixel, over the image."""
    strongest, by_class = strongest_class(values, keys)
    shown = _names_by_area(by_class, keys, classes)
    return figure(heat_over(image, strongest), f"{label}: {shown}", f"{label} of {where}: {shown}")


def _context_figure(store: StoreReader, image_id: str, size: tuple[int, int]) -> Figure:
    """M of an image at its height and width."""
    context = sum_classes(store.read(image_id, "mask").astype(np.float32))
    low, high = float(context.min()), float(context.max())
    label = f"M for round {store.round + 1}, {low:.2g} to {high:.2g}"
    enlarged = cv2.resize((context - low) / max(high - low, 1e-12), size[::-1])
    return figure(heat_map(enlarged), label, f"{label}, of {image_id}")


def _names_by_area(by_class: np.ndarray, keys: np.ndarray, classes: Sequence[str]) -> str:
    areas = {int(key): int((by_class == key).sum()) for key in keys}
    return ", ".join(classes[key] for key in sorted(areas, key=lambda key: -areas[key]))
