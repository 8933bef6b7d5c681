"""What one round made of images, as figures in the order of its stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import cv2
import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.evaluation.report.figures import Figure, figure, label_figure
from conta_core.evaluation.store_kinds.context import Context
from conta_core.evaluation.store_kinds.images import Images, StoreImages, fitting, open_images
from conta_core.evaluation.store_kinds.kind import StoredImage
from conta_core.evaluation.store_kinds.labels import LabelKind
from conta_core.evaluation.store_kinds.maps import MapKind
from conta_core.images.drawing.colour_maps import heat_map, heat_over

#: kinds of store that a round shows, in the order of its stages
SHOWN = ("cams", "refined", "pseudo_masks", "train_masks", "context")


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

        def opened(kind: str) -> Images:
            images_of = open_images(paths[kind], kind, list(images), manifest.classes)
            return stack.enter_context(images_of)

        sources = [opened(kind) for kind in SHOWN if paths.get(kind)]
        return {
            image_id: [
                _figure(source, image_id, image, f"{image_id}, round {index}", manifest.class_names)
                for source in sources
            ]
            for image_id, image in images.items()
        }


def _figure(
    source: Images, image_id: str, image: np.ndarray, where: str, names: Sequence[str]
) -> Figure:
    """What a store or a folder of masks holds of an image."""
    kind, stored = source.kind, source.image(image_id)
    with fitting(source.where, stored):
        if isinstance(kind, LabelKind):
            return label_figure(kind.as_labels(stored), kind.caption, names, where)
        if isinstance(kind, MapKind):
            values, classes = kind.strongest(stored)
            shown = f"{kind.caption}: {', '.join(classes)}"
            about = f"{kind.caption} of {where}: {', '.join(classes)}"
            return figure(heat_over(image, values), shown, about)
        if isinstance(kind, Context) and isinstance(source, StoreImages):
            return _context_figure(kind.as_map(stored), stored, source.store.round)
    raise ValueError(f"the report has no figure of {kind.title}")


def _context_figure(context: np.ndarray, image: StoredImage, index: int) -> Figure:
    """M of an image at its height and width, from its lowest to its highest value."""
    low, high = float(context.min()), float(context.max())
    label = f"M for round {index + 1}, {low:.2g} to {high:.2g}"
    enlarged = cv2.resize((context - low) / max(high - low, 1e-12), image.size[::-1])
    return figure(heat_map(enlarged), label, f"{label}, of {image.id}")
