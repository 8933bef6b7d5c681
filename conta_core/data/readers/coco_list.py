"""The images of one of COCO's files, with what their annotations say."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pycocotools.coco import COCO

from conta_core.data.image_ids import image_id_of
from conta_core.data.problems import refuse
from conta_core.data.readers.coco_annotations import area_of, has_region
from conta_core.data.readers.coco_categories import Categories
from conta_core.data.readers.coco_files import annotation_file, image_paths, relative_name
from conta_core.errors import ContaError

logger = logging.getLogger(__name__)


class CocoList:
    """The images of a list, and what is doubtful about their annotations."""

    def __init__(self, coco: COCO, categories: Categories, root: Path, name: str) -> None:
        self._coco, self._categories, self._name = coco, categories, name
        self._entries = named_images(coco, root, name)
        files = [relative_name(entry["file_name"]) for _, entry in self._entries]
        self._paths = image_paths(root, name, files)
        self._crowds_alone: list[str] = []
        self._boxes = 0

    def __iter__(self) -> Iterator[tuple[str, str, str, Sequence[dict[str, Any]]]]:
        """Id, owner's name, path, and annotations of the classes, of each image."""
        for ((image_id, name), entry), path in zip(self._entries, self._paths, strict=True):
            annotations = [
                annotation
                for annotation in self._coco.imgToAnns[entry["id"]]
                if annotation["category_id"] in self._categories.index
            ]
            if annotations and all(a.get("iscrowd") for a in annotations):
                self._crowds_alone.append(image_id)
            self._boxes += sum(not has_region(a) for a in annotations)
            yield image_id, name, path, annotations

    def tags(self, annotations: Sequence[dict[str, Any]]) -> set[int]:
        """Class indices of annotations that are no crowd and have an area."""
        index = self._categories.index
        return {
            index[a["category_id"]] for a in annotations if not a.get("iscrowd") and area_of(a) > 0
        }

    def warn(self) -> None:
        """Say what is doubtful."""
        if self._crowds_alone:
            logger.warning(
                "%s: %d images have crowd regions alone (iscrowd 1), which give no tag and are "
                "ignored in scores: %s; brushes of CVAT and Label Studio are exported so: if they "
                "are single objects, set their iscrowd to 0",
                self._name, len(self._crowds_alone), ", ".join(self._crowds_alone[:5]),
            )  # fmt: skip
        if self._boxes:
            logger.warning(
                "%s: %d objects have a box and no region: they give tags, and their boxes are "
                "ignored in scores",
                self._name, self._boxes,
            )  # fmt: skip


def named_images(coco: COCO, root: Path, name: str) -> list[tuple[tuple[str, str], dict[str, Any]]]:
    """Id and owner's name (both without ending), and entry of each image, by its number.

    Raises:
        ContaError: names that are none, or entries of one image.
    """
    file = annotation_file(root, name).name
    found: list[tuple[tuple[str, str], dict[str, Any]]] = []
    problems = []
    numbers: dict[str, int] = {}
    for number in sorted(coco.imgs):
        entry = coco.imgs[number]
        path = PurePosixPath(relative_name(entry["file_name"]))
        own = str(path.with_suffix("")) if path.name else ""
        try:
            image_id = image_id_of(own, f"{file}, image {number}")
        except ContaError as error:
            problems.append(str(error))
            continue
        if image_id in numbers:
            problems.append(
                f"{file}, image {number}: its file_name {entry['file_name']!r} is that of image "
                f"{numbers[image_id]}, too; expected one entry for each photograph: make the two "
                "entries one, with all annotations, or give each its own name or folder"
            )
        numbers[image_id] = number
        found.append(((image_id, own), entry))
    refuse(problems, str(root / "annotations"))
    return found
