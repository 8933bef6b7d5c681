"""Reader of VOC devkits, and of context-shapes, which is laid out like one."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest, mask_values_of
from conta_core.data.masks import IGNORE
from conta_core.data.problems import Problem, refuse
from conta_core.data.readers.voc_lists import AUGMENTED, VocList, read_list
from conta_core.data.readers.voc_tags import tags_of_annotations, tags_of_masks
from conta_core.data.synthetic import context_shapes
from conta_core.errors import ContaError
from conta_core.runtime.nearest import did_you_mean
from conta_core.settings import DatasetSettings

logger = logging.getLogger(__name__)

#: the classes of VOC 2012 in the order of their pixel values, from 1
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
)  # fmt: skip

#: folders of masks below the root; the first that is there is taken
MASK_FOLDERS = (AUGMENTED, "SegmentationClass")


def read_voc(
    settings: DatasetSettings,
    root: str | os.PathLike[str] | None = None,
    *,
    workers: int = 1,
    problems: list[Problem] | None = None,
) -> Manifest:
    """Read the lists and tags of a VOC devkit; its images are not opened.

    Below the root: ``JPEGImages/<id>.jpg``, lists (:mod:`conta_core.data.readers.voc_lists`), tags
    from ``Annotations/<id>.xml`` (difficult objects count) or from the masks, masks in
    ``SegmentationClassAug`` or else ``SegmentationClass`` (they may be absent, but not
    ``SegmentationClassAug`` for a list that counts on it), and ``ContextMaps/<id>.png`` where
    that folder exists. A validation list of which no image has a source of tags, VOC's test
    list, has no tags.

    Args:
        settings: of format voc or context-shapes.
        root: folder of the devkit; None: ``settings.root``.
        workers: processes that read masks for tags.
        problems: where to put what is wrong with tags and masks, instead of raising.

    Returns:
        The manifest, with heights and widths of 0 until the images are checked. Values of
        classes that ``settings.classes`` leaves out are 255.

    Raises:
        ContaError: a list, annotation or (for tags) mask is missing or malformed, an id or a
            class is not as expected.
    """
    root = Path(settings.root or "." if root is None else root)
    made = settings.format == "context-shapes"
    file_classes = context_shapes.CLASSES if made else VOC_CLASSES
    classes = choose_classes(settings.classes, file_classes)
    lists = {
        "train": read_list(root, settings.lists.train, "train"),
        "val": read_list(root, settings.lists.val, "val"),
    }
    ids = list(dict.fromkeys(image_id for members in lists.values() for image_id in members.ids))
    folder = next((name for name in MASK_FOLDERS if (root / name).is_dir()), None)
    masks = {i: _existing(root / folder / f"{i}.png") if folder else None for i in ids}
    contexts = (root / "ContextMaps").is_dir()

    wrong = _augmented_problems(root, folder, masks, lists.values())
    untold = _untold(root, settings.tags, lists, masks)
    if untold:
        logger.warning(
            "the validation list %s has no %s to take tags from: its images have no tags",
            lists["val"].name, settings.tags,
        )  # fmt: skip
    asked = {i: masks[i] for i in ids if i not in untold}
    if settings.tags == "masks":
        found, bad = tags_of_masks(root, asked, file_classes, workers)
    else:
        found, bad = tags_of_annotations(root, tuple(asked), file_classes)
    wrong += bad
    if problems is None:
        refuse(wrong, f"masks and tags of {root}")
    else:
        problems += wrong
    records = {
        i: ImageRecord(
            id=i,
            image=str(root / "JPEGImages" / f"{i}.jpg"),
            height=0,
            width=0,
            tags=tuple(name for name in classes if name in found.get(i, ())),
            mask=masks[i],
            context_map=str(root / "ContextMaps" / f"{i}.png") if contexts else None,
        )
        for i in ids
    }
    others = {value: IGNORE for value in range(1, len(file_classes) + 1)}
    return Manifest(
        name=settings.name,
        classes=classes,
        lists={kind: members.ids for kind, members in lists.items()},
        list_names={kind: members.name for kind, members in lists.items()},
        images=records,
        ground_truth=f"{folder} of {root}" if any(masks.values()) else None,
        mask_values=dict(sorted((others | mask_values_of(file_classes, classes)).items())),
    )


def choose_classes(
    chosen: Sequence[str] | None, known: Sequence[str], aliases: dict[str, str] | None = None
) -> tuple[str, ...]:
    """The classes of a manifest: those chosen, if each is known, or all.

    Args:
        chosen: ``settings.classes``.
        known: what the data set has.
        aliases: further names that are accepted -> the data set's own.

    Raises:
        ContaError: a class that the data set does not have.
    """
    names = (*known, *(aliases or ()))
    problems = [
        f"dataset.classes: {name!r} is no class of the data set{did_you_mean(name, names)}"
        for name in chosen or ()
        if name not in names
    ]
    refuse(problems, f"dataset.classes; the data set has {', '.join(known)}")
    if chosen is not None and not chosen:
        raise ContaError("dataset.classes: empty; name at least one class, or null for all")
    return tuple(known if chosen is None else chosen)


def _existing(path: Path) -> str | None:
    return str(path) if path.is_file() else None


def _augmented_problems(
    root: Path, folder: str | None, masks: Mapping[str, str | None], lists: Iterable[VocList]
) -> list[Problem]:
    """Lists that count on SBD's masks, where those are not there."""
    problems = []
    for members in dict.fromkeys(lists):
        missing = [i for i in members.ids if masks[i] is None]
        if not members.augmented or not missing:
            continue
        found = f"{len(missing)} of its {len(members.ids)} images have no mask in " + (
            str(root / AUGMENTED)
            if folder == AUGMENTED
            else f"{root / (folder or AUGMENTED)}, and there is no folder {AUGMENTED}"
        )
        named = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        text = (
            f"the list {members.name} counts on the masks of SBD's images, but {found}: {named}; "
            f"put {AUGMENTED} (12,031 PNG files for VOC 2012) there, or name another list in "
            "dataset.lists (train has VOC's own masks)"
        )
        problems.append(Problem("masks", text))
    return problems


def _untold(
    root: Path, source: str, lists: Mapping[str, VocList], masks: Mapping[str, str | None]
) -> frozenset[str]:
    """The images of a validation list without any source of tags; nothing if one has it."""
    own = frozenset(lists["val"].ids) - frozenset(lists["train"].ids)
    if source == "masks":
        told = any(masks[i] is not None for i in own)
    else:
        told = any((root / "Annotations" / f"{i}.xml").is_file() for i in own)
    return frozenset() if told else own
