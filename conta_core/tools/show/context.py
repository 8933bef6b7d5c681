"""The confounder set as a grid, and the context M of an image with its alphas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from conta_core.causal.conta.context_maps import sum_classes
from conta_core.evaluation.store_kinds.confounders import read_confounder_set
from conta_core.evaluation.store_kinds.context import Context
from conta_core.evaluation.store_kinds.kind import StoredImage
from conta_core.images.drawing.blocks import ColourBar, Grid, Heading
from conta_core.images.drawing.cells import Bar, Cell, bar_chart, fit_exactly, picture
from conta_core.images.drawing.colour_maps import heat_map, signed_map
from conta_core.images.drawing.sheet import Block
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.show.maps import map_pixels, require_finite
from conta_core.tools.show.scene import Scene, View

#: up to so many classes -> long side of a confounder's picture in pixels, and columns
_SIZES = ((12, 180, 6), (30, 132, 8), (255, 100, 10))
#: bars of a chart: the own tags, then the largest
MAX_BARS = 24


def confounders_sheet(store: StoreReader) -> list[Block]:
    """The average mask of each class with P(c) and its number of images, on one scale."""
    classes, masks, prior, count = read_confounder_set(store)
    further = " and the background" if len(classes) > len(store.classes) else ""
    side, columns = next((side, columns) for most, side, columns in _SIZES if len(classes) <= most)
    high = max(float(masks.max(initial=0)), 1e-12)
    height, width = masks.shape[1:]
    size = (round(side * height / max(height, width)), round(side * width / max(height, width)))
    cells = [
        picture(
            heat_map(fit_exactly(masks[i].astype(np.float32) / high, size)),
            name,
            f"P(c) {prior[i]:.3f}, {count[i]} images",
        )
        for i, name in enumerate(classes)
    ]
    return [
        Heading(f"Confounder set of {len(store.classes)} classes{further}", 11, bold=True),
        Grid(cells, columns),
        ColourBar("how often a class covers a place, over the images with its tag", 0, high),
    ]


def context_sheet(
    kind: Context, image: StoredImage, store: StoreReader, scene: Scene, view: View
) -> list[Block]:
    """M of an image over its geometry, as the equation gives it and standardised; its alphas.

    Raises:
        ValueError: arrays that do not fit each other or the classes.
    """
    context, alphas = kind.as_map(image), kind.alphas(image)
    mean, deviation = store.read_root("mean"), float(store.read_root("deviation"))
    if image.read("mask").shape != mean.shape:
        raise ValueError(f"M of {context.shape}, its mean of {mean.shape}")
    require_finite(context, mean, np.array([deviation, *alphas.values()]))
    mean = sum_classes(mean)
    high = max(float(context.max()), 1e-12)
    # as the classifier reads it with `context.scaling: standardise`
    standardised = (context - mean) / max(deviation, 1e-12)
    reach = max(float(np.abs(standardised).max()), 1e-12)
    cells: list[Cell] = []
    if scene.image is not None:
        cells.append(picture(scene.image, "image"))
    cells.append(picture(heat_map(scene.map(context / high)), "M", _range(context)))
    if scene.image is not None:
        cells.append(picture(map_pixels(context / high, scene, view), "M, over the image"))
    signed = signed_map(scene.map(standardised / reach))
    cells.append(picture(signed, "M, standardised", _range(standardised)))
    chart = bar_chart(alpha_bars(alphas, scene.tags), "alphas", _marks(scene))
    cells.append(chart)
    return [
        Heading(scene.about, 11, bold=True),
        Grid(cells, len(cells)),
        ColourBar(f"M of round {store.round}, read by round {store.round + 1}", 0, high),
        ColourBar(
            "standardised: less the mean M of the training list, divided by the deviation",
            -reach,
            reach,
            _signed_scale,
        ),
    ]


def alpha_bars(alphas: Mapping[str, float], tags: Sequence[str] | None) -> list[Bar]:
    """A bar an entry, in their order; of many: the tags, the largest, and the rest.

    Args:
        alphas: entry of the confounder set -> its alpha.
        tags: of the image; None: not known.
    """
    own = set(tags or ())
    first = sorted(alphas, key=lambda name: (name not in own, -alphas[name]))[:MAX_BARS]
    bars = [Bar(name, alpha, name in own) for name, alpha in alphas.items() if name in first]
    if len(alphas) > len(bars):
        rest = sum(alphas.values()) - sum(bar.value for bar in bars)
        bars.append(Bar(f"{len(alphas) - len(bars)} others together", max(rest, 0.0)))
    return bars


def _signed_scale(values: np.ndarray) -> np.ndarray:
    """Of a colour bar: 0 is the lowest value, 1 the highest."""
    return signed_map(2 * values - 1)


def _marks(scene: Scene) -> str:
    if scene.tags is None:
        return "the image's tags are not known"
    return "bold: the image's own tags" if scene.tags else "the image has no tags"


def _range(values: np.ndarray) -> str:
    return f"{float(values.min()):.3g} to {float(values.max()):.3g}"
