"""The confounder set as a grid, and the context M of an image with its alphas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conta_core.causal.conta.confounder_names import are_entries, confounder_names
from conta_core.causal.conta.context_maps import sum_classes
from conta_core.drawing.blocks import ColourBar, Grid, Heading
from conta_core.drawing.cells import Bar, Cell, bar_chart, fit_exactly, picture
from conta_core.drawing.colour_maps import heat_map, signed_map
from conta_core.drawing.sheet import Block
from conta_core.errors import ContaError
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.show.maps import map_pixels
from conta_core.tools.show.scene import Scene, View

#: up to so many classes -> long side of a confounder's picture in pixels, and columns
_SIZES = ((12, 180, 6), (30, 132, 8), (255, 100, 10))
#: bars of a chart: the own tags, then the largest
MAX_BARS = 24


def confounders_sheet(store: StoreReader) -> list[Block]:
    """The average mask of each class with P(c) and its number of images, on one scale."""
    masks, prior, count = (store.read_root(name) for name in ("masks", "prior", "count"))
    fits = masks.ndim == 3 and len(masks) == len(prior) == len(count)
    if not fits or not are_entries(store.classes, len(masks)):
        raise ContaError(
            f"{store.path}: masks of {masks.shape}, {len(prior)} priors and {len(count)} counts "
            f"for {len(store.classes)} classes; delete the store and let the workflow make it again"
        )
    classes = confounder_names(store.classes, len(masks))
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


def context_sheet(store: StoreReader, scene: Scene, view: View) -> list[Block]:
    """M of an image over its geometry, as the equation gives it and standardised; its alphas."""
    context, alpha, mean, deviation = read_context(store, scene)
    names = confounder_names(store.classes, len(alpha))
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
    chart = bar_chart(alpha_bars(alpha, names, scene.tags), "alphas", _marks(scene))
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


def read_context(
    store: StoreReader, scene: Scene
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """M (h, w), its alphas (n,), the training list's mean M (h, w) and deviation.

    Of summands by class their sums are M and its mean; the deviation is theirs.
    """
    context = store.read(scene.image_id, "mask").astype(np.float32)
    alpha = store.read(scene.image_id, "alpha")
    mean, deviation = store.read_root("mean"), store.read_root("deviation")
    fits = context.ndim == 2 or (context.ndim == 3 and len(context) == len(alpha))
    known = alpha.ndim == 1 and are_entries(store.classes, len(alpha))
    if not fits or mean.shape != context.shape or not known:
        raise ContaError(
            f"{store.path}: {scene.image_id} has M of {context.shape} and {alpha.shape} alphas, "
            f"expected {mean.shape} and {len(store.classes)}; delete the store and let the "
            "workflow make it again"
        )
    if not all(np.isfinite(values).all() for values in (context, alpha, mean, deviation)):
        raise ContaError(
            f"{store.path}: M, the alphas or their mean of {scene.image_id} hold numbers that are "
            "not finite; delete the store and let the workflow make it again"
        )
    return sum_classes(context), alpha, sum_classes(mean), float(deviation)


def alpha_bars(alpha: np.ndarray, classes: Sequence[str], tags: Sequence[str] | None) -> list[Bar]:
    """A bar a class in the order of the classes; of many: the tags, the largest, and the rest."""
    own = set(tags or ())
    first = sorted(range(len(classes)), key=lambda i: (classes[i] not in own, -float(alpha[i])))
    chosen = sorted(first[:MAX_BARS])
    bars = [Bar(classes[i], float(alpha[i]), classes[i] in own) for i in chosen]
    if len(classes) > len(chosen):
        rest = float(alpha.sum()) - sum(bar.value for bar in bars)
        bars.append(Bar(f"{len(classes) - len(chosen)} others together", max(rest, 0.0)))
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
