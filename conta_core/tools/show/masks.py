"""Masks in the VOC palette, beside the photograph and over it, with a legend by class name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conta_core.images.drawing.blocks import Grid, Heading, Legend
from conta_core.images.drawing.cells import Cell, picture
from conta_core.images.drawing.label_colours import (
    LABEL_ALPHA,
    colour_labels,
    label_areas,
    label_legend,
    labels_over,
)
from conta_core.images.drawing.sheet import Block
from conta_core.tools.show.maps import columns_for
from conta_core.tools.show.scene import Scene, View

TRUTH = "ground truth"
#: names that a caption spells out
MAX_NAMES = 5


def mask_sheet(
    labels: np.ndarray, title: str, scene: Scene, view: View, names: Sequence[str]
) -> list[Block]:
    """A mask beside its image and over it, and the ground truth where it is another mask.

    Args:
        labels: uint8 (H, W).
        title: what it is.
        scene: the image.
        view: how it is looked at.
        names: by pixel value, background first.
    """
    cells: list[Cell] = []
    masks = [labels]
    if scene.image is not None:
        cells.append(picture(scene.image, "image"))
    cells.append(mask_cell(labels, title, scene, names))
    if scene.image is not None:
        over = over_image(labels, scene.image, scene, view)
        cells.append(picture(over, f"{title}, over the image"))
    if scene.truth is not None and title != TRUTH:
        cells.append(mask_cell(scene.truth, TRUTH, scene, names))
        masks.append(scene.truth)
    return [
        Heading(scene.about, 11, bold=True),
        Grid(cells, columns_for(cells)),
        Legend(label_legend(masks, names)),
    ]


def mask_cell(labels: np.ndarray, title: str, scene: Scene, names: Sequence[str]) -> Cell:
    """A mask, uint8 (H, W), in its colours, with the share of each class below."""
    return picture(colour_labels(scene.labels(labels)), title, areas(labels, names))


def over_image(labels: np.ndarray, image: np.ndarray, scene: Scene, view: View) -> np.ndarray:
    """A mask, uint8 (H, W), over a photograph at the shown size: uint8 RGB."""
    alpha = LABEL_ALPHA if view.overlay is None else view.overlay
    return labels_over(image, scene.labels(labels), alpha)


def areas(labels: np.ndarray, names: Sequence[str]) -> str:
    """Percent of each class in a mask, in words."""
    shares = label_areas(labels, names)
    told = [f"{name} {_percent(share)}" for name, share in list(shares.items())[:MAX_NAMES]]
    if len(shares) > MAX_NAMES:
        told.append(f"and {len(shares) - MAX_NAMES} more")
    return ", ".join(told) or "background only"


def _percent(share: float) -> str:
    return f"{share:.1f} %" if share >= 0.05 else "below 0.1 %"
