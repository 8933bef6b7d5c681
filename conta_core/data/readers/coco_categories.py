"""Which of COCO's categories are the classes of a run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pycocotools.coco import COCO

from conta_core.data.readers.tag_names import is_background, is_reserved
from conta_core.data.readers.voc import choose_classes
from conta_core.errors import ContaError
from conta_core.images.masks import IGNORE

logger = logging.getLogger(__name__)

#: VOC's names of COCO categories that COCO calls otherwise
VOC_ALIASES = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}


@dataclass(frozen=True)
class Categories:
    """The categories of one file, as the run sees them.

    Attributes:
        classes: of the run, of both lists.
        index: category id -> class index from 0; categories that are no class are missing.
        background: ids of categories that are the background: what they mark is no object.
    """

    classes: tuple[str, ...]
    index: dict[int, int]
    background: frozenset[int]


def categories_of(
    files: dict[str, COCO], chosen: Sequence[str] | None, root: Path, names: dict[str, str]
) -> dict[str, Categories]:
    """The categories of the files of both lists, matched by their names.

    Args:
        files: "train" and "val" -> annotations.
        chosen: ``dataset.classes``; a class may be in one of the files alone.
        root: of the data set, for messages.
        names: "train" and "val" -> name of the list.

    Raises:
        ContaError: a class that no file has, one named twice, or too many.
    """
    known = {kind: _names(coco, root, names[kind]) for kind, coco in files.items()}
    taken = {
        kind: [n for n in found.values() if not is_reserved(n) or n in (chosen or ())]
        for kind, found in known.items()
    }
    _warn_of_reserved(known, taken, root)
    either = list(dict.fromkeys(taken["train"] + (taken["val"] if chosen is not None else [])))
    aliases = {voc: own for voc, own in VOC_ALIASES.items() if own in either and voc not in either}
    classes = choose_classes(chosen, either, aliases)
    own = [aliases.get(name, name) for name in classes]
    if len(set(own)) != len(own):
        raise ContaError(
            f"dataset.classes: {', '.join(classes)} names one category twice, by two names"
        )
    if not classes or len(classes) >= IGNORE:
        raise ContaError(f"{root}: {len(classes)} classes; expected 1 to {IGNORE - 1}")
    strange = [name for name in taken["val"] if name not in taken["train"]]
    if strange and chosen is None:
        logger.warning(
            "%s: the list %s has categories that %s does not have: %s; their objects are ignored "
            "in scores",
            root, names["val"], names["train"], ", ".join(strange[:5]),
        )  # fmt: skip
    return {
        kind: Categories(
            classes,
            {number: own.index(name) for number, name in found.items() if name in own},
            frozenset(n for n, name in found.items() if name not in own and is_background(name)),
        )
        for kind, found in known.items()
    }


def _names(coco: COCO, root: Path, name: str) -> dict[int, str]:
    """Category id -> name, ascending."""
    by_id = {number: coco.cats[number]["name"] for number in sorted(coco.cats)}
    found = list(by_id.values())
    twice = sorted({category for category in found if found.count(category) > 1})
    if twice:
        raise ContaError(
            f"{root}: instances_{name}.json has several categories of the name {twice[0]!r}, "
            "expected one of each: rename them"
        )
    return by_id


def _warn_of_reserved(
    known: dict[str, dict[int, str]], taken: dict[str, list[str]], root: Path
) -> None:
    left = {
        name for kind, found in known.items() for name in found.values() if name not in taken[kind]
    }
    if left:
        logger.warning(
            "%s: the categories %s are left out: background is no class, and what is ignored "
            "neither; name one in dataset.classes to keep it",
            root, ", ".join(sorted(left)),
        )  # fmt: skip
