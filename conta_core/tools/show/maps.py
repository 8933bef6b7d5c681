"""CAMs and refined CAMs over the photograph, class by class."""

from __future__ import annotations

import numpy as np

from conta_core.drawing.blocks import ColourBar, Grid, Heading
from conta_core.drawing.cells import Cell, absent, picture
from conta_core.drawing.colour_maps import HEAT_ALPHA, greyed, heat_map, heat_over
from conta_core.drawing.sheet import Block
from conta_core.errors import ContaError
from conta_core.refinement.pseudo_masks import upsample_refined
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.show.scene import Scene, View

#: width of a sheet that a grid keeps within, in pixels
MAX_WIDTH = 2000
SCALES = {
    "cams": "CAM, each class divided by its own maximum in this image",
    "refined": "refined CAM, divided by the maximum over all classes of this image",
}


def maps_sheet(store: StoreReader, scene: Scene, view: View) -> list[Block]:
    """Each class's map of one image, with a colour bar.

    Args:
        store: of kind ``cams`` or ``refined``.
        scene: the image.
        view: how it is looked at.
    """
    keys, maps = read_maps(store, scene)
    notes = [f"highest {float(one.max()):.2f}" for one in maps]
    if store.kind == "cams":
        probability = store.read(scene.image_id, "probability")
        notes = [f"P(class) {probability[key]:.3f}" for key in keys]
    cells: list[Cell] = []
    if scene.image is not None:
        cells.append(picture(scene.image, "image"))
    for key, one, note in zip(keys, maps, notes, strict=True):
        cells.append(picture(map_pixels(one, scene, view), store.classes[key], note))
    if not len(keys):
        why = "the image has no tags, so that the store holds no map of it"
        cells.append(absent(scene.shown, "maps", why))
    return [
        Heading(scene.about, 11, bold=True),
        Grid(cells, columns_for(cells)),
        ColourBar(SCALES[store.kind] + _laid_over(scene, view), 0, 1),
    ]


def read_maps(store: StoreReader, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Class indices (k,) and the maps of them over the image, float32 (k, H, W), 0..1.

    Raises:
        ContaError: arrays that do not fit each other, the classes or the image.
    """
    keys = store.read(scene.image_id, "keys")
    try:
        if store.kind == "cams":
            maps = store.read(scene.image_id, "high_res").astype(np.float32)
        else:
            maps = upsample_refined(store.read(scene.image_id, "refined"), scene.size)
        if maps.shape != (len(keys), *scene.size) or any(
            not 0 <= key < len(store.classes) for key in keys
        ):
            raise ValueError(f"maps of {maps.shape} with the class indices {keys.tolist()}")
        if not np.isfinite(maps).all():
            raise ValueError("they hold numbers that are not finite")
    except ValueError as error:
        raise ContaError(
            f"{store.path}: the arrays of {scene.image_id} do not fit an image of {scene.size} "
            f"and {len(store.classes)} classes ({error}); delete the store and let the workflow "
            "make it again"
        ) from None
    return keys, maps


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
