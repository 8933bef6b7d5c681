"""One painted image: two contexts, a wavy border between them, and the objects of a mask."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from conta_core.data.synthetic.painted_contexts import CONTEXTS
from conta_core.data.synthetic.painted_objects import object_skin
from conta_core.data.synthetic.textures import _coordinates, _noise  # see painted_contexts
from conta_core.images.masks import IGNORE
from conta_core.runtime.seeding import numpy_generator

#: from the middle of an image to where the two regions meet, in shares of its sides, at most
_BORDER_OFFSET = 0.16
#: pixels of 128 by which the border of the regions waves, and deviation of an object's soft edge
_BORDER_WAVE, _EDGE = 5.0, 0.6


class Draws:
    """Generators of one image, one a purpose, so that no draw shifts another.

    Args:
        seed: of the data set.
        name: of the image's list, train or val.
        image_id: of the image.
    """

    def __init__(self, seed: int, name: str, image_id: str) -> None:
        self._parts = (seed, "painted", name, image_id)

    def __call__(self, *purpose: int | str) -> np.random.Generator:
        """The generator of a purpose, at its beginning."""
        return numpy_generator(*self._parts, *purpose)


@dataclass(frozen=True)
class Scene:
    """A painted image.

    Attributes:
        image: uint8 (H, W, 3), RGB.
        contexts: uint8 (H, W), c + 1 where the context is the one typical of class c.
    """

    image: np.ndarray
    contexts: np.ndarray


def class_values(labels: np.ndarray) -> list[int]:
    """The classes in a mask, from 1, ascending."""
    found = np.flatnonzero(np.bincount(labels.ravel(), minlength=256))
    return [int(value) for value in found if 0 < value < IGNORE]


def paint_scene(
    draws: Draws, labels: np.ndarray, companions: np.ndarray, confounding: float
) -> Scene:
    """Paint a mask.

    Args:
        draws: of this image.
        labels: uint8 (H, W), VOC's values, with one class or more; 255 is painted as context.
        companions: of each class (row) the probabilities of the classes whose contexts it takes
            where it is confounded, float64 (20, 20).
        confounding: probability, 0..1, that a region's context is drawn by a class of the image.
    """
    height, width = labels.shape
    side = max(labels.shape)
    values = class_values(labels)
    contexts = [
        _draw_context(draws("context", region), values, companions, confounding)
        for region in range(2)
    ]
    textures = [
        list(CONTEXTS.values())[context](draws("texture", region), side)[:height, :width]
        for region, context in enumerate(contexts)
    ]
    second = _second_region(draws("border"), labels.shape)
    canvas = textures[0] * (1 - second[..., None]) + textures[1] * second[..., None]
    context_map = np.where(second > 0.5, contexts[1] + 1, contexts[0] + 1).astype(np.uint8)
    behind = canvas
    for value in values:
        weight = _coverage(labels, value, side)
        mean = behind[labels == value].mean(axis=0)
        skin = object_skin(draws("object", value), value - 1, side, mean)[:height, :width]
        shaded = skin * _shade(weight, side)[..., None]
        canvas = canvas * (1 - weight[..., None]) + shaded * weight[..., None]
    return Scene(np.clip(canvas * 255 + 0.5, 0, 255).astype(np.uint8), context_map)


def _draw_context(
    rng: np.random.Generator, values: list[int], companions: np.ndarray, confounding: float
) -> int:
    """Context of a region, from 0; as many numbers are drawn whatever they decide."""
    label = values[int(rng.integers(len(values)))] - 1
    confounded = rng.random() < confounding
    typical = np.searchsorted(np.cumsum(companions[label]), rng.random(), side="right")
    anyone = int(rng.integers(len(CONTEXTS)))
    return min(int(typical), len(CONTEXTS) - 1) if confounded else anyone


def _second_region(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Weight of the second region beyond a wavy border, float32 (H, W), 0..1."""
    height, width = shape
    side = max(shape)
    y, x = (grid[:height, :width] for grid in _coordinates(side))
    angle = rng.uniform(0, 2 * np.pi)
    middle = 0.5 + rng.uniform(-_BORDER_OFFSET, _BORDER_OFFSET, 2)
    from_y, from_x = middle * np.array([height, width]) * (128 / side)
    across = (y - from_y) * np.sin(angle) + (x - from_x) * np.cos(angle)
    across = across + _BORDER_WAVE * _noise(rng, side, (36, 36), octaves=2)[:height, :width]
    return np.clip(0.5 * across * side / 128 + 0.5, 0, 1).astype(np.float32)


def _coverage(labels: np.ndarray, value: int, side: int) -> np.ndarray:
    """Weight of a class's skin, float32 (H, W), 0..1, with a soft edge.

    It grows by a pixel into what is ignored around it, VOC's rim, so that the edge lies there.
    """
    own = labels == value
    near = cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    covered = (own | (near & (labels == IGNORE))).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(covered, (0, 0), _EDGE * side / 128))


def _shade(weight: np.ndarray, side: int) -> np.ndarray:
    """Factor that darkens a skin towards its edge, float32 (H, W), 0.6..1."""
    inside = cv2.GaussianBlur(weight, (0, 0), 1.3 * side / 128)
    return np.asarray(0.6 + 0.4 * np.clip((inside - 0.5) / 0.4, 0, 1))
