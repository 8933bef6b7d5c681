"""Reader of VOC devkits, and of context-shapes, which is laid out like one."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest, mask_values_of
from conta_core.data.problems import Problem, refuse
from conta_core.data.readers.label_maps import find_label_map
from conta_core.data.readers.tag_names import known_as
from conta_core.data.readers.voc_files import (
    VocFiles,
    find_voc_files,
    warn_of_masks,
    warn_of_other_label_maps,
)
from conta_core.data.readers.voc_lists import AUGMENTED, VocList, has_lists, list_all, read_list
from conta_core.data.readers.voc_tags import tags_of_annotations, tags_of_masks
from conta_core.data.synthetic import context_shapes
from conta_core.errors import ContaError
from conta_core.images.masks import IGNORE
from conta_core.runtime.nearest import did_you_mean
from conta_core.settings import DatasetSettings

logger = logging.getLogger(__name__)

_OWN_CLASSES = "name classes of your own in {root}/class_names.txt (docs/datasets.md)"

#: the classes of VOC 2012 in the order of their pixel values, from 1
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
)  # fmt: skip


def read_voc(
    settings: DatasetSettings,
    root: str | os.PathLike[str] | None = None,
    *,
    workers: int = 1,
    problems: list[Problem] | None = None,
) -> Manifest:
    """Read the lists and tags of a VOC devkit; its images are not opened.

    Below the root: photographs in ``JPEGImages``, lists
    (:mod:`conta_core.data.readers.voc_lists`), tags from ``Annotations/<name>.xml`` (difficult
    objects count) or from the masks, masks in ``SegmentationClassAug`` or else
    ``SegmentationClass`` (they may be absent, but not ``SegmentationClassAug`` for a list that
    counts on it), and ``ContextMaps/<name>.png`` where that folder exists. Classes, their values
    and colours are those of a label map in the root (:mod:`conta_core.data.readers.label_maps`),
    else VOC's. With a label map and without lists, every photograph is for training. A validation
    list of which no image has a source of tags, VOC's test list, has no tags.

    Args:
        settings: of format voc or context-shapes.
        root: folder of the devkit; None: ``settings.root``.
        workers: processes that read masks for tags.
        problems: where to put what is wrong with tags and masks, instead of raising.

    Returns:
        The manifest, with heights and widths of 0 until the images are checked. Values of
        classes that ``settings.classes`` leaves out are 255.

    Raises:
        ContaError: a list, label map, annotation or (for tags) mask is missing or malformed, an
            id or a class is not as expected.
    """
    root = Path(settings.root or "." if root is None else root)
    made = settings.format == "context-shapes"
    labels = None if made else find_label_map(root)
    own = context_shapes.CLASSES if made else VOC_CLASSES
    by_value = labels.names_by_value if labels else dict(enumerate(own, start=1))
    file_classes = tuple(by_value.values())
    whose = f"add it to {labels.path}" if labels else _OWN_CLASSES.format(root=root)
    if labels and file_classes != own:
        logger.warning(
            "%s: names the classes, in place of VOC's: %s", labels.path, ", ".join(file_classes)
        )
    if not labels and not made:
        warn_of_other_label_maps(root)
    classes = choose_classes(settings.classes, file_classes, mend=whose)
    files = find_voc_files(root)
    lists = _read_lists(root, settings, files, labels is not None)
    names = {i: name for one in lists.values() for i, name in one.names_by_id().items()}
    masks = {i: files.mask(name) for i, name in names.items()}
    warn_of_masks(files, {name: masks[i] for i, name in names.items()})
    contexts = (root / "ContextMaps").is_dir()

    wrong = _augmented_problems(root, files.mask_folder, masks, lists.values())
    untold = _untold(files, settings.tags, lists, masks)
    if untold:
        logger.warning(
            "the validation list %s has no %s to take tags from: its images have no tags",
            lists["val"].name, settings.tags,
        )  # fmt: skip
    colours = labels.mask_colours() if labels else {}
    asked = {i: name for i, name in names.items() if i not in untold}
    if settings.tags == "masks":
        asked_masks = {i: masks[i] for i in asked}
        known = {int(code, 16): value for code, value in colours.items()} or None
        found, bad = tags_of_masks(root, asked_masks, by_value, workers, known)
    elif asked and not files.annotations.paths:
        found, bad = {}, [_no_annotations(files, len(asked))]
    else:
        paths = {i: files.annotation(name) for i, name in asked.items()}
        found, bad = tags_of_annotations(paths, file_classes, f"mend the name, or {whose}")
    wrong += bad
    if problems is None:
        refuse(wrong, f"masks and tags of {root}")
    else:
        problems += wrong
    records = {
        i: ImageRecord(
            id=i,
            image=files.photograph(name),
            height=0,
            width=0,
            tags=tuple(one for one in classes if one in found.get(i, ())),
            mask=masks[i],
            context_map=str(root / "ContextMaps" / f"{name}.png") if contexts else None,
            name=None if name == i else name,
        )
        for i, name in names.items()
    }
    others = {value: IGNORE for value in by_value}
    values = mask_values_of(own, classes) if labels is None else labels.mask_values(classes)
    return Manifest(
        name=settings.name,
        classes=classes,
        lists={kind: members.ids for kind, members in lists.items()},
        list_names={kind: members.name for kind, members in lists.items()},
        images=records,
        ground_truth=f"{files.mask_folder} of {root}" if any(masks.values()) else None,
        mask_values=dict(sorted((others | values).items())),
        mask_colours=colours,
    )


def _read_lists(
    root: Path, settings: DatasetSettings, files: VocFiles, own_classes: bool
) -> dict[str, VocList]:
    """The lists by kind; where a tool wrote none, every photograph is for training."""
    wanted = {"train": settings.lists.train, "val": settings.lists.val}
    if own_classes and not has_lists(root):
        logger.warning(
            "%s: has no ImageSets: all %d photographs are for training, and none for validation",
            root, len(files.photographs.paths),
        )  # fmt: skip
        return {
            "train": list_all(wanted["train"], files.photographs),
            "val": VocList(wanted["val"], (), (), augmented=False),
        }
    return {kind: read_list(root, name, kind, files.photographs) for kind, name in wanted.items()}


def choose_classes(
    chosen: Sequence[str] | None,
    known: Sequence[str],
    aliases: dict[str, str] | None = None,
    mend: str = "",
) -> tuple[str, ...]:
    """The classes of a manifest: those chosen, if each is known, or all.

    Args:
        chosen: ``settings.classes``.
        known: what the data set has.
        aliases: further names that are accepted -> the data set's own.
        mend: what else to do about a class that the data set does not have.

    Raises:
        ContaError: a class that the data set does not have.
    """
    names = (*known, *(aliases or ()))
    meant = {name: known_as(name, names) for name in chosen or ()}
    problems = [
        f"dataset.classes: {name!r} is no class of the data set{did_you_mean(name, names)}"
        + (f"; {mend}" if mend else "")
        for name, found in meant.items()
        if found is None
    ]
    refuse(problems, f"dataset.classes; the data set has {', '.join(known)}")
    if chosen is not None and not chosen:
        raise ContaError("dataset.classes: empty; name at least one class, or null for all")
    return tuple(known if chosen is None else dict.fromkeys(filter(None, meant.values())))


def _no_annotations(files: VocFiles, count: int) -> Problem:
    text = (
        f"{files.annotations.folder}: no annotations there; expected one for each of {count} "
        "images: unpack them there, or take tags from the masks with dataset.tags: masks"
    )
    return Problem("annotations", text)


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
    files: VocFiles, source: str, lists: Mapping[str, VocList], masks: Mapping[str, str | None]
) -> frozenset[str]:
    """The images of a validation list without any source of tags; nothing if one has it."""
    names = lists["val"].names_by_id()
    own = names.keys() - {*lists["train"].ids}
    if source == "masks":
        told = any(masks[i] is not None for i in own)
    else:
        told = any(files.has_annotation(names[i]) for i in own)
    return frozenset() if told else frozenset(own)
