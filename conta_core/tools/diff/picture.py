"""The images that changed most, drawn: one row an image; A, B and where they differ."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from conta_core.causal.conta.context_maps import sum_classes
from conta_core.data.images import read_image
from conta_core.data.manifest import Manifest
from conta_core.data.masks import read_label_png, voc_palette
from conta_core.drawing.colour_maps import heat_map
from conta_core.errors import ContaError
from conta_core.networks.segmentation_output import predicted_labels
from conta_core.refinement.pseudo_masks import strongest_class, upsample_refined
from conta_core.storage.atomic import replace_when_done
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.diff.comparison import ImageComparison, ItemChange
from conta_core.tools.diff.images import open_two
from conta_core.tools.diff.measures import MEASURES
from conta_core.tools.inspect.arrays import MASKS
from conta_core.tools.inspect.other_files import mask_class_names
from conta_core.tools.inspect.recognise import FileKind, recognise

#: long side of a panel, space between panels, height of a line of text, in pixels
PANEL, GAP, LINE = 200, 8, 18
_INK, _PAGE, _SOFT = (20, 24, 28), (255, 255, 255), (90, 100, 110)


class _Row(NamedTuple):
    caption: str
    panels: list[np.ndarray]


def draw_changes(
    found: ImageComparison,
    a: Path,
    b: Path,
    output: str | os.PathLike[str],
    *,
    top: int,
    manifest: Manifest | None = None,
) -> None:
    """Draw the images that changed most side by side.

    Masks are in the colours of VOC's palette, at the right with the labels of B where it differs.
    Maps go from dark (0) to bright (1); M from its lowest to its highest value on both sides.

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
    drawn = [change for change in found.changes if not np.isnan(change.values[0])][:top]
    if not drawn:
        raise ContaError(
            f"{output}: no image to draw: none differs between {a} and {b} at the same size; leave "
            "-o out"
        )
    notes = [f"A: {a}", f"B: {b}", f"the number beside an image: {found.measures[0]}"]
    if recognise(a) == FileKind.MASKS:
        names: Sequence[str] | None = mask_class_names(a)
        rows = [
            _row(change, manifest, *_mask_panels(*(_mask(side, change.id) for side in (a, b))))
            for change in drawn
        ]
    else:
        with open_two(a, b) as (one, two):
            if one.kind == "objects":
                raise ContaError(
                    f"{output}: {a} and {b} hold numbers of objects, expected masks or maps to "
                    "draw; leave -o out"
                )
            names = one.classes if MEASURES[one.kind].of_labels else None
            rows = [_row(change, manifest, *_store_panels(one, two, change.id)) for change in drawn]
    if names is not None:
        notes.append("where they differ: the labels of B, white is background; grey: the same")
    headings = [*(["image"] if manifest else []), "A", "B", "where they differ"]
    picture = _page(rows, headings, notes, names or ())
    try:
        with replace_when_done(output) as temporary:
            picture.save(temporary, format=_format(Path(output)))
    except OSError as error:
        raise ContaError(f"{output}: cannot be written ({error}); name another file") from None


def _format(path: Path) -> str:
    known = Image.registered_extensions()
    if path.suffix.lower() not in known:
        raise ContaError(f"{path}: no picture by its ending; name a .png")
    return known[path.suffix.lower()]


def _row(change: ItemChange, manifest: Manifest | None, *panels: np.ndarray) -> _Row:
    caption = f"{change.id}   {change.values[0]:.3g}"
    if manifest is None:
        return _Row(caption, list(panels))
    if change.id not in manifest.images:
        raise ContaError(
            f"the manifest of {manifest.name} has no image {change.id}; give the dataset.json of "
            "the run, or none"
        )
    record = manifest.images[change.id]
    tags = ", ".join(record.tags)
    return _Row(f"{caption}   {tags}", [read_image(record.image), *panels])


def _mask(folder: Path, image_id: str) -> np.ndarray:
    return read_label_png(folder / f"{image_id}.png")


def _mask_panels(a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    palette = voc_palette()
    changed = palette[b].copy()
    changed[(a != b) & (b == 0)] = _PAGE  # black would not be seen to have become background
    changed[a == b] = 128
    return [palette[a], palette[b], changed]


def _store_panels(one: StoreReader, two: StoreReader, image_id: str) -> list[np.ndarray]:
    kind, size = one.kind, one.size(image_id)
    if kind in MASKS:
        return _mask_panels(*(store.read(image_id, MASKS[kind]) for store in (one, two)))
    if kind == "logits":
        return _mask_panels(
            *(predicted_labels(store.read(image_id, "logits"), size) for store in (one, two))
        )
    read: dict[str, Callable[[StoreReader], np.ndarray]] = {
        "cams": lambda store: store.read(image_id, "high_res"),
        "refined": lambda store: upsample_refined(store.read(image_id, "refined"), size),
    }
    if kind in read:
        maps = [
            strongest_class(read[kind](store), store.read(image_id, "keys"))[0]
            for store in (one, two)
        ]
    else:
        maps = [sum_classes(s.read(image_id, "mask").astype(np.float32)) for s in (one, two)]
        low, high = min(m.min() for m in maps), max(m.max() for m in maps)
        span = max(float(high - low), 1e-12)
        maps = [cv2.resize((m - low) / span, size[::-1]) for m in maps]
    return [heat_map(m) for m in (*maps, np.abs(maps[0] - maps[1]))]


def _page(
    rows: Sequence[_Row], headings: Sequence[str], notes: Sequence[str], names: Sequence[str]
) -> Image.Image:
    """Notes, headings, the rows with their captions, and the colours of the classes."""
    shown = [_Row(row.caption, [_scaled(panel) for panel in row.panels]) for row in rows]
    font = ImageFont.load_default(12)
    widest = max(font.getlength(text) for text in [*notes, *(row.caption for row in shown)])
    width = max(len(headings) * (PANEL + GAP) + GAP, int(widest) + 2 * GAP)
    heights = [max(panel.shape[0] for panel in row.panels) + LINE + GAP for row in shown]
    top = LINE * (len(notes) + 1) + 2 * GAP
    entries = _legend(names, font, width)
    below = (entries[-1][0][1] + LINE + GAP) if entries else 0
    page = Image.new("RGB", (width, top + sum(heights) + below), _PAGE)
    pen = ImageDraw.Draw(page)
    for index, note in enumerate(notes):
        pen.text((GAP, GAP + index * LINE), note, _SOFT, font)
    for column, heading in enumerate(headings):
        place = (GAP + column * (PANEL + GAP), GAP + len(notes) * LINE)
        pen.text(place, heading, _INK, font)
    for row, height in zip(shown, heights, strict=True):
        pen.text((GAP, top), row.caption, _INK, font)
        for column, panel in enumerate(row.panels):
            page.paste(Image.fromarray(panel), (GAP + column * (PANEL + GAP), top + LINE))
        top += height
    for (left, down), colour, name in entries:
        pen.rectangle((left, top + down + 2, left + 11, top + down + 13), colour)
        pen.text((left + 16, top + down), name, _INK, font)
    return page


def _legend(
    names: Sequence[str], font: Any, width: int
) -> list[tuple[tuple[int, int], tuple[int, ...], str]]:
    """Place, colour and name of each class, in lines of a width."""
    entries = []
    left, down = GAP, 0
    for index, name in enumerate(names, start=1):
        length = 16 + int(font.getlength(name)) + 2 * GAP
        if left + length > width and left > GAP:
            left, down = GAP, down + LINE
        entries.append(((left, down), tuple(voc_palette()[index].tolist()), name))
        left += length
    return entries


def _scaled(pixels: np.ndarray) -> np.ndarray:
    """At the size of a panel; what is enlarged keeps its colours."""
    factor = PANEL / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    way = cv2.INTER_NEAREST if factor > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(np.ascontiguousarray(pixels), size, interpolation=way))
