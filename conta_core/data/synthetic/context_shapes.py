"""context-shapes: synthetic photographs whose context gives the class away, as much as asked for.

Six classes of shapes lie on six textures. Each class has a typical context, a typical place
and a companion class. In the training list an object keeps to them with a probability that the
user sets (``confounding``); in the validation list never. Colours say nothing about the class.
"""

from __future__ import annotations

import logging
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from conta_core.data.synthetic.shapes import draw_shape, edge_shade, full_area
from conta_core.data.synthetic.textures import TEXTURES, object_texture
from conta_core.images.masks import write_label_png
from conta_core.runtime.progress import track
from conta_core.runtime.seeding import numpy_generator
from conta_core.settings import ImageCounts

logger = logging.getLogger(__name__)

#: classes; each two are companions, and class i is typical of context i
CLASSES = ("disc", "square", "triangle", "star", "ring", "cross")
CONTEXTS = ("sky", "brick", "sand", "water", "grass", "wood")

#: typical centre (y, x) of each class as a share of the side
_PLACES = np.array(
    [(0.30, 0.32), (0.70, 0.66), (0.68, 0.30), (0.32, 0.70), (0.50, 0.26), (0.50, 0.74)]
)
_PLACE_DEVIATION = 0.11
_MARGIN = 0.20
#: half the extent of an object as a share of the side, smallest and largest
_RADII = (0.165, 0.25)
_COUNT_SHARES = (0.30, 0.50, 0.20)
_MIN_VISIBLE = 0.4
_CANDIDATES = 64


@dataclass(frozen=True)
class _Object:
    label: int
    alpha: np.ndarray  # float32 (S, S), 0..1
    pixels: np.ndarray  # float32 (S, S, 3), 0..1


@dataclass(frozen=True)
class _Scene:
    image: np.ndarray  # uint8 (S, S, 3)
    labels: np.ndarray  # uint8 (S, S), 0 or class + 1
    contexts: np.ndarray  # uint8 (S, S), context + 1
    boxes: list[tuple[int, tuple[int, int, int, int]]]  # class, (xmin, ymin, xmax, ymax) from 1


def make_context_shapes(
    root: str | os.PathLike[str], *, images: ImageCounts, size: int, confounding: float, seed: int
) -> None:
    """Write the data set below ``root`` in the layout of a VOC devkit.

    ``ContextMaps/<id>.png`` tells for each pixel, c + 1, of which class its context is typical,
    also below the objects. An image depends on seed, list and index only: more images do not
    change the earlier ones, and the same index at another ``confounding`` draws the same
    numbers.

    Args:
        root: folder to fill; made if it is not there.
        images: how many images each list gets.
        size: height and width in pixels.
        confounding: probability that a training object keeps to its class's context, place and
            companion; the validation list is made with 0.
        seed: of every draw.
    """
    root = Path(root)
    for folder in ("JPEGImages", "Annotations", "SegmentationClass", "ContextMaps"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True, exist_ok=True)
    for name, count, share in (("train", images.train, confounding), ("val", images.val, 0.0)):
        ids = [f"{name}_{index:06d}" for index in range(count)]
        for index, image_id in track(enumerate(ids), count, f"context-shapes {name}", logger):
            scene = _draw_scene(_Draws(seed, name, index), size, share)
            photograph = Image.fromarray(scene.image)
            photograph.save(root / "JPEGImages" / f"{image_id}.jpg", quality=95, subsampling=0)
            write_label_png(root / "SegmentationClass" / f"{image_id}.png", scene.labels)
            write_label_png(root / "ContextMaps" / f"{image_id}.png", scene.contexts)
            _write_annotation(root / "Annotations" / f"{image_id}.xml", image_id, size, scene)
        (lists / f"{name}.txt").write_text("".join(f"{image_id}\n" for image_id in ids))


class _Draws:
    """Generators of one image, one a purpose, so that no draw shifts another."""

    def __init__(self, seed: int, name: str, index: int) -> None:
        self._parts = (seed, "context-shapes", name)
        self.index = index

    def __call__(self, *purpose: int | str) -> np.random.Generator:
        return numpy_generator(*self._parts, self.index, *purpose)

    def balanced_class(self) -> int:
        """First class: each of six consecutive images has another one."""
        block, place = divmod(self.index, len(CLASSES))
        return int(numpy_generator(*self._parts, "block", block).permutation(len(CLASSES))[place])


def _draw_scene(draws: _Draws, size: int, confounding: float) -> _Scene:
    classes, typical = _choose_classes(draws, confounding)
    contexts, region_of = _choose_contexts(draws, classes, typical)
    radii = [_draw_radius(draws("radius", k), len(classes)) for k in range(len(classes))]
    centres, second_region = _arrange(draws, classes, typical, radii, region_of, size)

    textures = [
        TEXTURES[CONTEXTS[context]](draws("texture", side), size)
        for side, context in enumerate(contexts)
    ]
    weight = second_region[..., None]
    canvas = textures[0] * (1 - weight) + textures[1] * weight
    context_map = np.where(second_region > 0.5, contexts[1] + 1, contexts[0] + 1).astype(np.uint8)

    objects = []
    for k, label in enumerate(classes):
        rng = draws("object", k)
        alpha = draw_shape(rng, CLASSES[label], centres[k] * size, radii[k] * size, size)
        behind = canvas[alpha > 0.5]
        pixels = object_texture(rng, size, behind.mean(axis=0) if len(behind) else canvas[0, 0])
        objects.append(
            (_Object(label, alpha, pixels), full_area(alpha, radii[k] * size, CLASSES[label]))
        )
    return _compose(canvas, context_map, _visible_objects(objects))


def _choose_classes(draws: _Draws, confounding: float) -> tuple[list[int], list[bool]]:
    """Classes of the objects, and whether each keeps to its typical context and place."""
    rng = draws("classes")
    count = 1 + int(rng.choice(len(_COUNT_SHARES), p=_COUNT_SHARES))
    first = draws.balanced_class()
    with_companion = rng.random(3) < confounding
    typical = rng.random(3) < confounding
    others = [int(first + shift) % len(CLASSES) for shift in rng.integers(1, len(CLASSES), 3)]
    third = int(rng.integers(2))
    companion = first ^ 1
    second = companion if with_companion[1] else others[1]
    classes = [first, second, (first, companion)[third] if with_companion[2] else others[2]]
    return classes[:count], [bool(flag) for flag in typical[:count]]


def _choose_contexts(
    draws: _Draws, classes: list[int], typical: list[bool]
) -> tuple[tuple[int, int], list[int | None]]:
    """Contexts of the two regions, and the region of each object (None: any)."""
    rng = draws("contexts")
    drawn = [int(context) for context in rng.integers(0, len(CONTEXTS), 3)]
    spare = int(rng.integers(1, len(CONTEXTS)))
    wanted = [
        label if keeps else context
        for label, keeps, context in zip(classes, typical, drawn, strict=False)
    ]
    first = wanted[0]
    if len(classes) > 1 and wanted[1] != first:
        second = wanted[1]
    elif typical[0]:  # the companion's context, companion or not
        second = first ^ 1
    else:
        second = (first + spare) % len(CONTEXTS)
    regions = (first, second)
    return regions, [regions.index(want) if want in regions else None for want in wanted]


def _draw_radius(rng: np.random.Generator, count: int) -> float:
    return float(rng.uniform(*_RADII)) * (1.12, 1.0, 0.88)[count - 1]


def _arrange(
    draws: _Draws,
    classes: list[int],
    typical: list[bool],
    radii: list[float],
    region_of: list[int | None],
    size: int,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Centres (y, x) as shares of the side, and the second region, float32 (S, S), 0..1."""
    candidates = []
    for k, label in enumerate(classes):
        rng = draws("place", k)
        near = _PLACES[label] + rng.normal(0, _PLACE_DEVIATION, (_CANDIDATES, 2))
        anywhere = rng.uniform(_MARGIN, 1 - _MARGIN, (_CANDIDATES, 2))
        candidates.append(np.clip(near, _MARGIN, 1 - _MARGIN) if typical[k] else anywhere)

    centres = [candidates[0][0]]
    border = draws("border")
    if len(classes) > 1 and region_of[1] == 1:
        centres.append(_best_place(candidates[1], centres, radii, None))
        towards = centres[1] - centres[0]
        origin = (centres[0] + centres[1]) / 2
        border_angle = np.arctan2(*towards) + border.normal(0, 0.25)
    else:
        towards = np.array([0.5, 0.5]) - centres[0] + border.normal(0, 0.12, 2)
        border_angle = np.arctan2(*towards)
        reach = radii[0] * border.uniform(0.9, 1.4)
        origin = centres[0] + reach * np.array([np.sin(border_angle), np.cos(border_angle)])
    across = _across_border(border, origin, float(border_angle))
    for k in range(len(centres), len(classes)):
        side = region_of[k]
        depth = None if side is None else across(candidates[k]) * (1 if side == 1 else -1)
        centres.append(_best_place(candidates[k], centres, radii, depth))

    grid = np.stack(np.meshgrid(*[(np.arange(size) + 0.5) / size] * 2, indexing="ij"), axis=-1)
    return centres, np.clip(across(grid) * 64 + 0.5, 0, 1).astype(np.float32)


def _best_place(
    candidates: np.ndarray,
    centres: list[np.ndarray],
    radii: list[float],
    depth: np.ndarray | None,
) -> np.ndarray:
    """The first candidate clear of the others and inside its region, else the least bad one."""
    apart = np.full(len(candidates), np.inf)
    for centre, radius in zip(centres, radii, strict=False):
        gap = np.linalg.norm(candidates - centre, axis=1) - 0.95 * (radius + radii[len(centres)])
        apart = np.minimum(apart, gap)
    flaw = np.maximum(0, -apart)
    if depth is not None:
        flaw = flaw + np.maximum(0, 0.06 - depth)
    return candidates[int(np.argmin(flaw))]


def _across_border(
    rng: np.random.Generator, origin: np.ndarray, angle: float
) -> Callable[[np.ndarray], np.ndarray]:
    """Signed distance to a wavy border through origin; positive towards the angle."""
    waves = rng.uniform([0.02, 1.0, 0], [0.045, 3.5, 2 * np.pi], (2, 3))
    normal = np.array([np.sin(angle), np.cos(angle)])
    along = np.array([normal[1], -normal[0]])

    def across(points: np.ndarray) -> np.ndarray:
        straight = (points - origin) @ normal
        position = (points - origin) @ along
        for amplitude, frequency, phase in waves:
            straight = straight + amplitude * np.sin(2 * np.pi * frequency * position + phase)
        return straight

    return across


def _visible_objects(objects: list[tuple[_Object, float]]) -> list[_Object]:
    """Leave out what lies outside or is hidden by later ones for the most part."""
    kept: list[_Object] = []
    hidden: np.ndarray | None = None
    for item, area in reversed(objects):
        covers = item.alpha > 0.5
        seen = covers if hidden is None else covers & ~hidden
        if seen.sum() >= _MIN_VISIBLE * area:
            kept.append(item)
            hidden = covers if hidden is None else hidden | covers
    return kept[::-1]


def _compose(canvas: np.ndarray, context_map: np.ndarray, objects: list[_Object]) -> _Scene:
    labels = np.zeros(context_map.shape, np.uint8)
    owner = np.zeros(context_map.shape, np.uint8)
    for number, item in enumerate(objects, start=1):
        weight = item.alpha[..., None]
        canvas = canvas * (1 - weight) + item.pixels * edge_shade(item.alpha)[..., None] * weight
        labels[item.alpha > 0.5] = item.label + 1
        owner[item.alpha > 0.5] = number
    boxes = []
    for number, item in enumerate(objects, start=1):
        ys, xs = np.nonzero(owner == number)
        box = (int(xs.min()) + 1, int(ys.min()) + 1, int(xs.max()) + 1, int(ys.max()) + 1)
        boxes.append((item.label, box))
    image = np.clip(canvas * 255 + 0.5, 0, 255).astype(np.uint8)
    return _Scene(image, labels, context_map, boxes)


def _write_annotation(path: Path, image_id: str, size: int, scene: _Scene) -> None:
    annotation = ElementTree.Element("annotation")
    ElementTree.SubElement(annotation, "filename").text = f"{image_id}.jpg"
    extent = ElementTree.SubElement(annotation, "size")
    for key, value in (("width", size), ("height", size), ("depth", 3)):
        ElementTree.SubElement(extent, key).text = str(value)
    ElementTree.SubElement(annotation, "segmented").text = "1"
    for label, box in scene.boxes:
        item = ElementTree.SubElement(annotation, "object")
        ElementTree.SubElement(item, "name").text = CLASSES[label]
        ElementTree.SubElement(item, "difficult").text = "0"
        bounds = ElementTree.SubElement(item, "bndbox")
        for key, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
            ElementTree.SubElement(bounds, key).text = str(value)
    ElementTree.indent(annotation)
    path.write_text(ElementTree.tostring(annotation, encoding="unicode") + "\n")
