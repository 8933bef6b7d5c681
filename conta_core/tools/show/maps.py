"""Maps of an image's tags over the photograph, class by class."""

from __future__ import annotations

import numpy as np

from conta_core.evaluation.store_kinds.kind import StoredImage
from conta_core.evaluation.store_kinds.maps import MapKind
from conta_core.images.drawing.blocks import ColourBar, Grid, Heading
from conta_core.images.drawing.cells import Cell, absent, picture
from conta_core.images.drawing.colour_maps import HEAT_ALPHA, greyed, heat_map, heat_over
from conta_core.images.drawing.sheet import Block
from conta_core.tools.show.scene import Scene, View

#: width of a sheet that a grid keeps within, in pixels
MAX_WIDTH = 2000


def maps_sheet(kind: MapKind, image: StoredImage, scene: Scene, view: View) -> list[Block]:
    """Each class's map of one image, with a colour bar.

    Args:
        kind: of the store.
        image: of the store.
        scene: the same image as it is shown.
        view: how it is looked at.

    Raises:
        ValueError: arrays that do not fit each other, the classes or the image.
    """
    maps = kind.as_maps(image)
    require_finite(maps.values)
    cells: list[Cell] = []
    if scene.image is not None:
        cells.append(picture(scene.image, "image"))
    for key, one, note in zip(*maps, kind.map_notes(image, maps), strict=True):
        cells.append(picture(map_pixels(one, scene, view), image.classes[key], note))
    if not len(maps.keys):
        why = "the image has no tags, so that the store holds no map of it"
        cells.append(absent(scene.shown, "maps", why))
    return [
        Heading(scene.about, 11, bold=True),
        Grid(cells, columns_for(cells)),
        ColourBar(kind.scale + _laid_over(scene, view), 0, 1),
    ]


def require_finite(*arrays: np.ndarray) -> None:
    """Raise ValueError unless all numbers are finite."""
    if not all(np.isfinite(values).all() for values in arrays):
        raise ValueError("they hold numbers that are not finite")


def map_pixels(values: np.ndarray, scene: Scene, view: View) -> np.ndarray:
    """A map, 0..1, at the shown size as uint8 RGB: over the photograph where there is one."""
    shown = scene.map(values)
    if scene.image is None:
        return heat_map(shown)
    alpha = HEAT_ALPHA if view.overlay is None else view.overlay
    return heat_over(greyed(scene.image), shown, alpha)


def columns_for(cells: list[Cell]) -> int:
    """How many cells of a row keep a sheet within its width."""
    widest = max(cell.size[1] for cell in cells)
    return max(2, min(len(cells), MAX_WIDTH // (widest + 12)))


def _laid_over(scene: Scene, view: View) -> str:
    if scene.image is None:
        return ""
    alpha = HEAT_ALPHA if view.overlay is None else view.overlay
    return f"; {alpha:g} of it over {1 - alpha:g} of the grey image"
