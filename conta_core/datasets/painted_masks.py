"""painted: real label masks of VOC, painted with textures whose contexts give the classes away.

The shapes of the objects, and which classes stand together, are real; the confounding is made, and
so it is known. Each class has a skin (:mod:`conta_core.datasets.painted_objects`) and a typical
context (:mod:`conta_core.datasets.painted_contexts`).

The distribution. Let ``n[c, k]`` be the number of images of the whole given training list whose
masks hold class c and class k (k = c: class c), and ``p[c, k] = n[c, k] / sum over j of n[c, j]``.
An image has two regions. Independently of each other each takes a class c, uniformly among the
classes in the image's painted mask, and then its context: with probability ``confounding`` that of
class k, drawn from ``p[c]``; else one of the twenty, uniformly. Contexts of validation images are
uniform always. Skins, borders of regions and the jitter of textures depend on neither classes nor
contexts, but that the two colours of a skin avoid the mean colour of what lies behind it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from conta_core.atomic import replace_folder_when_done
from conta_core.datasets.mask_source import MaskSource, open_masks
from conta_core.datasets.painted_contexts import CONTEXTS
from conta_core.datasets.painted_objects import object_skin
from conta_core.datasets.problems import nearest, refuse
from conta_core.datasets.textures import _coordinates, _noise  # see painted_contexts
from conta_core.datasets.voc import VOC_CLASSES
from conta_core.datasets.voc_lists import AUGMENTED
from conta_core.errors import ContaError
from conta_core.manifest import check_image_id
from conta_core.masks import IGNORE, write_label_png
from conta_core.progress import track
from conta_core.seeding import numpy_generator

logger = logging.getLogger(__name__)

#: an image is drawn only if the pixels of one class cover at least this share of it
LEAST_SHARE = 0.015
#: a class of fewer pixels than this is ignored, at a long side of 128; else in proportion
LEAST_PIXELS = 25
#: from the middle of an image to where the two regions meet, in shares of its sides, at most
_BORDER_OFFSET = 0.16
#: pixels of 128 by which the border of the regions waves, and deviation of an object's soft edge
_BORDER_WAVE, _EDGE = 5.0, 0.6


@dataclass(frozen=True)
class Painted:
    """What was painted.

    Attributes:
        lists: "train" and "val" -> ids, in the order of the given lists.
        companions: ``p`` of the module's docstring, float64 (20, 20); rows of 0 for classes that
            the training list does not have.
        own_context: "train" and "val" -> share of the regions' areas, 0..1, on the typical context
            of a class in the image.
    """

    lists: dict[str, tuple[str, ...]]
    companions: np.ndarray
    own_context: dict[str, float]


def paint_masks(
    masks: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    train_list: str | os.PathLike[str],
    val_list: str | os.PathLike[str],
    train: int,
    val: int,
    long_side: int,
    confounding: float,
    seed: int,
) -> Painted:
    """Paint masks of two lists and write a VOC devkit tree, whole or not at all.

    ``JPEGImages/<id>.jpg``; ``SegmentationClassAug/<id>.png``, the mask scaled by nearest, in which
    classes of too few pixels (:data:`LEAST_PIXELS`) are 255; ``ContextMaps/<id>.png``, which tells
    for each pixel, c + 1, of which class its context is typical, also below the objects; and the
    lists ``ImageSets/Segmentation/{train,val}.txt``. Tags are the classes of the masks.

    An image depends on its id, its list's name, its mask, the seed, ``long_side`` and
    ``confounding``, and (if it is a training image) on ``p`` of the module's docstring. Fewer
    images of a list are some of the more; at another ``confounding`` the same masks are painted
    with the same skins, borders and jitter, and the same numbers are drawn for contexts.

    Args:
        masks: a folder of masks ``<id>.png`` with VOC's values, or a .tar that holds one.
        out: folder to make; nothing may be there.
        train_list: text file of ids, one a line; its masks are all counted for ``p``.
        val_list: likewise, with none of the training list's ids.
        train: how many images of the training list to paint, of those with a class of at least
            :data:`LEAST_SHARE` of their pixels; drawn by the seed.
        val: how many of the validation list.
        long_side: of the images in pixels; the shorter one follows.
        confounding: probability, 0..1, that a region of a training image takes a context by its
            classes; the validation list is made with 0.
        seed: of every draw.

    Returns:
        What was painted.

    Raises:
        ContaError: ``out`` is there already; a list or mask is missing, unreadable or not of VOC;
            or a list has fewer images to paint than asked for.
    """
    out = Path(out)
    if out.exists() or out.is_symlink():
        raise ContaError(f"{out}: is there already; delete it or name another folder")
    files = {"train": Path(train_list), "val": Path(val_list)}
    listed = {name: _read_ids(path) for name, path in files.items()}
    _require_apart(listed, files)
    with open_masks(masks) as source:
        for name, ids in listed.items():
            _require_masks(source, ids, files[name])
        surveys = {name: _survey(source, ids, name, long_side) for name, ids in listed.items()}
        companions = _companions(surveys["train"].tags)
        wanted = {"train": train, "val": val}
        lists = {
            name: _draw_ids(survey.fit, wanted[name], seed, name, files[name])
            for name, survey in surveys.items()
        }
        own = {}
        with replace_folder_when_done(out) as root:
            for folder in ("JPEGImages", AUGMENTED, "ContextMaps", "ImageSets/Segmentation"):
                (root / folder).mkdir(parents=True)
            for name, ids in lists.items():
                share = confounding if name == "train" else 0.0
                shares = []
                for image_id in track(ids, len(ids), f"painted {name}", logger):
                    labels = _scaled(source.read(image_id), long_side)
                    scene = _paint(_Draws(seed, name, image_id), labels, companions, share)
                    _write(root, image_id, labels, scene)
                    shares.append(np.isin(scene.contexts, _values(labels)).mean())
                own[name] = float(np.mean(shares))
                text = "".join(f"{image_id}\n" for image_id in ids)
                (root / "ImageSets/Segmentation" / f"{name}.txt").write_text(text)
    return Painted(lists, companions, own)


def _read_ids(path: Path) -> tuple[str, ...]:
    """The ids of a list, each once."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise ContaError(
            f"{path}: no such list; expected a text file of ids, one a line: name it with "
            "--train-list or --val-list"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ContaError(f"{path}: unreadable list ({error}); expected an id a line") from None
    problems, ids = [], []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                ids.append(check_image_id(line.strip(), f"{path}, line {number}"))
            except ContaError as error:
                problems.append(str(error))
    refuse(problems, str(path))
    if not ids:
        raise ContaError(f"{path}: an empty list; expected an image id a line")
    return tuple(dict.fromkeys(ids))


def _require_apart(listed: dict[str, tuple[str, ...]], files: dict[str, Path]) -> None:
    both = sorted(set(listed["train"]) & set(listed["val"]))
    if both:
        raise ContaError(
            f"{files['train']} and {files['val']}: {len(both)} ids are in both, among them "
            f"{both[:5]}; expected lists that are apart: take them off one"
        )


def _require_masks(source: MaskSource, ids: Iterable[str], path: Path) -> None:
    missing = [image_id for image_id in ids if image_id not in source.ids]
    if missing:
        raise ContaError(
            f"{path}: names {len(missing)} ids without a mask in {source.name}, among them "
            f"{missing[:5]}{nearest(missing[0], sorted(source.ids))}; expected <id>.png there: "
            "add the masks or take the ids off the list"
        )


@dataclass(frozen=True)
class _Survey:
    tags: np.ndarray  # bool (images, 20), classes in the masks as they are
    fit: list[str]  # ids of masks that can be painted


def _survey(source: MaskSource, ids: tuple[str, ...], name: str, long_side: int) -> _Survey:
    """Read every mask of a list once."""
    tags = np.zeros((len(ids), len(VOC_CLASSES)), bool)
    fit, problems = [], []
    for index, image_id in track(enumerate(ids), len(ids), f"masks of {name}", logger):
        try:
            labels = source.read(image_id)
        except ContaError as error:
            problems.append(str(error))
            continue
        found = np.flatnonzero(np.bincount(labels.ravel(), minlength=256))
        strange = [int(v) for v in found if len(VOC_CLASSES) < v < IGNORE]
        if strange:
            problems.append(
                f"{source.name}, {image_id}.png: holds the values {strange[:5]}; expected 0 to "
                f"{len(VOC_CLASSES)}, and 255: mend the mask or take its id off the list"
            )
            continue
        tags[index, [v - 1 for v in found if 0 < v < IGNORE]] = True
        scaled = _scaled(labels, long_side)
        counts = np.bincount(scaled.ravel(), minlength=256)[1:IGNORE]
        if counts.max() >= LEAST_SHARE * scaled.size:
            fit.append(image_id)
    refuse(problems, f"masks of {source.name}")
    return _Survey(tags, fit)


def _scaled(labels: np.ndarray, long_side: int) -> np.ndarray:
    """A mask, uint8 (H, W), at another long side; classes of too few pixels are 255."""
    factor = long_side / max(labels.shape)
    height, width = (max(1, round(side * factor)) for side in labels.shape)
    scaled = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    counts = np.bincount(scaled.ravel(), minlength=256)
    few = counts < LEAST_PIXELS * (long_side / 128) ** 2
    few[[0, IGNORE]] = False
    scaled[few[scaled]] = IGNORE
    return np.asarray(scaled)


def _companions(tags: np.ndarray) -> np.ndarray:
    """``p`` of the module's docstring, float64 (20, 20)."""
    together = tags.T.astype(np.int64) @ tags.astype(np.int64)
    return np.asarray(together / np.maximum(together.sum(axis=1, keepdims=True), 1))


def _draw_ids(fit: list[str], count: int, seed: int, name: str, path: Path) -> tuple[str, ...]:
    """Some of the ids that fit, in their order; a smaller number draws some of a larger one's."""
    if len(fit) < count:
        raise ContaError(
            f"{path}: {len(fit)} images hold a class of at least {LEAST_SHARE:.1%} of their "
            f"pixels, expected {count}: ask for fewer with --{name}, or name a longer list"
        )
    chosen = numpy_generator(seed, "painted", name).permutation(len(fit))[:count]
    return tuple(fit[index] for index in sorted(chosen))


class _Draws:
    """Generators of one image, one a purpose, so that no draw shifts another."""

    def __init__(self, seed: int, name: str, image_id: str) -> None:
        self._parts = (seed, "painted", name, image_id)

    def __call__(self, *purpose: int | str) -> np.random.Generator:
        return numpy_generator(*self._parts, *purpose)


@dataclass(frozen=True)
class _Scene:
    image: np.ndarray  # uint8 (H, W, 3)
    contexts: np.ndarray  # uint8 (H, W), context + 1


def _values(labels: np.ndarray) -> list[int]:
    """The classes in a mask, from 1, ascending."""
    found = np.flatnonzero(np.bincount(labels.ravel(), minlength=256))
    return [int(value) for value in found if 0 < value < IGNORE]


def _paint(draws: _Draws, labels: np.ndarray, companions: np.ndarray, confounding: float) -> _Scene:
    height, width = labels.shape
    side = max(labels.shape)
    values = _values(labels)
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
    return _Scene(np.clip(canvas * 255 + 0.5, 0, 255).astype(np.uint8), context_map)


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


def _write(root: Path, image_id: str, labels: np.ndarray, scene: _Scene) -> None:
    photograph = Image.fromarray(scene.image)
    photograph.save(root / "JPEGImages" / f"{image_id}.jpg", quality=95, subsampling=0)
    write_label_png(root / AUGMENTED / f"{image_id}.png", labels)
    write_label_png(root / "ContextMaps" / f"{image_id}.png", scene.contexts)
