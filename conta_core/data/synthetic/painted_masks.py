"""painted: real label masks of VOC, painted with textures whose contexts give the classes away.

The shapes of the objects, and which classes stand together, are real; the confounding is made, and
so it is known. Each class has a skin (:mod:`.painted_objects`) and a typical context
(:mod:`.painted_contexts`).

The distribution. Let ``n[c, k]`` be the number of images of the whole given training list whose
masks hold class c and class k (k = c: class c), and ``p[c, k] = n[c, k] / sum over j of n[c, j]``.
An image (:mod:`.painted_scene`) has two regions. Independently of each other
each takes a class c, uniformly among the classes in the image's painted mask, and then its context:
with probability ``confounding`` that of class k, drawn from ``p[c]``; else one of the twenty,
uniformly. Contexts of validation images are uniform always. The border of the regions depends on
neither classes nor contexts; a skin depends on its class, and of what lies behind it on the mean
colour alone, which its two colours avoid.
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

from conta_core.data.image_ids import check_image_id
from conta_core.data.mask_source import MaskSource, open_masks
from conta_core.data.problems import refuse
from conta_core.data.readers.voc import VOC_CLASSES
from conta_core.data.readers.voc_lists import AUGMENTED
from conta_core.data.synthetic.painted_scene import Draws, Scene, class_values, paint_scene
from conta_core.errors import ContaError
from conta_core.images.masks import IGNORE, write_label_png
from conta_core.runtime.nearest import did_you_mean
from conta_core.runtime.progress import track
from conta_core.runtime.seeding import numpy_generator
from conta_core.storage.atomic import replace_folder_when_done

logger = logging.getLogger(__name__)

#: an image is drawn only if the pixels of one class cover at least this share of it
LEAST_SHARE = 0.015
#: a class of fewer pixels than this is ignored, at a long side of 128; else in proportion
LEAST_PIXELS = 25


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
    images of a list are some of the more. Another ``confounding`` paints the same masks with the
    same patterns and borders, and draws the same numbers for contexts and colours; of these a skin
    takes the first that stand out.

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
                    scene = paint_scene(Draws(seed, name, image_id), labels, companions, share)
                    _write(root, image_id, labels, scene)
                    shares.append(np.isin(scene.contexts, class_values(labels)).mean())
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
            f"{missing[:5]}{did_you_mean(missing[0], sorted(source.ids))}; expected <id>.png "
            "there: add the masks or take the ids off the list"
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


def _write(root: Path, image_id: str, labels: np.ndarray, scene: Scene) -> None:
    photograph = Image.fromarray(scene.image)
    photograph.save(root / "JPEGImages" / f"{image_id}.jpg", quality=95, subsampling=0)
    write_label_png(root / AUGMENTED / f"{image_id}.png", labels)
    write_label_png(root / "ContextMaps" / f"{image_id}.png", scene.contexts)
