"""The images that changed most, drawn: one row an image; A, B and where they differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.evaluation.store_kinds.images import Images
from conta_core.evaluation.store_kinds.kind import ImageKind, StoredImage
from conta_core.evaluation.store_kinds.labels import LabelKind
from conta_core.images.drawing.blocks import ColourBar, Grid, Heading, Legend
from conta_core.images.drawing.cells import Cell, fit, fit_exactly, picture, shown_size
from conta_core.images.drawing.colour_maps import heat_map
from conta_core.images.drawing.label_colours import LegendEntry, colour_labels, label_legend
from conta_core.images.drawing.sheet import Block, draw_sheet, require_picture_name, write_sheet
from conta_core.tools.diff.comparison import ImageComparison, ItemChange
from conta_core.tools.diff.images import open_two

#: long side of a picture in pixels
SIDE = 200
DIFFER = "where they differ"
#: colours of the picture of two masks' differences
_SAME, _NOW_BACKGROUND = (128, 128, 128), (255, 255, 255)


def draw_changes(
    found: ImageComparison,
    a: Path,
    b: Path,
    output: Path,
    *,
    top: int,
    manifest: Manifest | None = None,
) -> None:
    """Draw the images that changed most side by side.

    Masks are in the colours of VOC's palette, at the right with the labels of B where it differs.
    Maps go from 0 to 1; M goes from the lowest to the highest value of the drawn images.

    Args:
        found: the comparison of both.
        a: path of the first store, or folder of masks.
        b: path of the second.
        output: path of the picture; its ending says the format.
        top: how many images at most.
        manifest: where the photographs are; None: they are not drawn.

    Raises:
        ContaError: nothing to draw, a file is damaged, or the picture cannot be written.
    """
    require_picture_name(output)
    drawn = [change for change in found.changes if not math.isnan(change.values[0])][:top]
    if not drawn:
        raise ContaError(
            f"{output}: no image to draw: none differs between {a} and {b} at the same size; leave "
            "-o out"
        )
    with open_two(a, b) as sides:
        rows, below = _drawn(sides, [change.id for change in drawn], output)
    blocks: list[Block] = [
        Heading(f"A: {a}"),
        Heading(f"B: {b}"),
        Heading(f"The number beside an image: {found.measures[0]}"),
    ]
    for change, cells in zip(drawn, rows, strict=True):
        photograph, tags = _photograph(change, manifest)
        blocks.append(Heading(f"{change.id}   {change.values[0]:.3g}   {tags}", 10.5, bold=True))
        blocks.append(Grid([*photograph, *cells], len(photograph) + len(cells)))
    write_sheet(draw_sheet([*blocks, *below]), output)


def _photograph(change: ItemChange, manifest: Manifest | None) -> tuple[list[Cell], str]:
    """The photograph of an image, and its tags; nothing without a manifest."""
    if manifest is None:
        return [], ""
    if change.id not in manifest.images:
        raise ContaError(
            f"the manifest of {manifest.name} has no image {change.id}; give the dataset.json of "
            "the run, or none"
        )
    record = manifest.images[change.id]
    image = fit(record.read_image(), shown_size(record.size, SIDE))
    return [picture(image, "image")], ", ".join(record.tags)


def _drawn(
    sides: tuple[Images, Images], ids: Sequence[str], output: Path
) -> tuple[list[list[Cell]], list[Block]]:
    """A, B and their difference for each image, and what the colours mean."""
    kind = sides[0].kind
    pairs = [[side.image(image_id) for side in sides] for image_id in ids]
    if isinstance(kind, LabelKind):
        masks = [[kind.as_labels(image) for image in pair] for pair in pairs]
        legend = label_legend(
            [mask for pair in masks for mask in pair],
            ("background", *(sides[0].classes or sides[1].classes)),
        )
        marks = [LegendEntry(_SAME, "the same"), LegendEntry(_NOW_BACKGROUND, "background in B")]
        right = Legend([*marks, *legend])
        return [_mask_cells(*pair) for pair in masks], [
            Heading(f"{DIFFER}: the labels of B"),
            right,
        ]
    if not isinstance(kind, ImageKind):
        raise _nothing(kind.caption, output)
    maps = [[_map(kind, image, output) for image in pair] for pair in pairs]
    low, high = kind.map_range or (
        min(float(one.min()) for pair in maps for one in pair),
        max(float(one.max()) for pair in maps for one in pair),
    )
    span = max(high - low, 1e-12)
    return [_map_cells([(one - low) / span for one in pair]) for pair in maps], [
        ColourBar(kind.caption, low, high),
        ColourBar(f"{DIFFER}: the absolute difference of A and B", 0, span),
    ]


def _mask_cells(a: np.ndarray, b: np.ndarray) -> list[Cell]:
    changed = colour_labels(b)
    # black would not be seen to have become background
    changed[(a != b) & (b == 0)] = _NOW_BACKGROUND
    changed[a == b] = _SAME
    size = shown_size((a.shape[0], a.shape[1]), SIDE)
    panels = zip((colour_labels(a), colour_labels(b), changed), ("A", "B", DIFFER), strict=True)
    return [picture(fit_exactly(pixels, size), title) for pixels, title in panels]


def _map(kind: ImageKind, image: StoredImage, output: Path) -> np.ndarray:
    values = kind.as_map(image)
    if values is None:
        raise _nothing(kind.caption, output)
    return fit(values, shown_size(image.size, SIDE))


def _map_cells(maps: Sequence[np.ndarray]) -> list[Cell]:
    panels = zip((*maps, np.abs(maps[0] - maps[1])), ("A", "B", DIFFER), strict=True)
    return [picture(heat_map(values), title) for values, title in panels]


def _nothing(held: str, output: Path) -> ContaError:
    return ContaError(
        f"{output}: the stores hold {held}, expected masks or maps to draw; leave -o out"
    )
