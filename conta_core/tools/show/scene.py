"""The image that is looked at: photograph, ground truth, tags, and the size it is shown at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import FORMAT, Manifest
from conta_core.errors import ContaError
from conta_core.images.drawing.cells import fit, fit_exactly, shown_size
from conta_core.storage.json_files import read_json
from conta_core.tools.inspect.images import require_image

MANIFEST = "dataset.json"
RESULTS = "results"
#: results/<run>/round-0/cam/cams.h5 lies this many folders below results/
_LEVELS = 4


@dataclass(frozen=True)
class View:
    """How something is looked at.

    Attributes:
        dataset: a dataset.json; None: that of the run that the thing belongs to.
        photo: show the photograph and the ground truth; without them no dataset.json is needed.
        overlay: 0..1, how much of a map or mask shows over the photograph; None: as is usual.
        side: long side of a picture in pixels; None: by the size of the image.
        rounds: of a run; none: all.
    """

    dataset: Path | None = None
    photo: bool = True
    overlay: float | None = None
    side: int | None = None
    rounds: tuple[int, ...] = ()


class DataSet:
    """A manifest, and where the files lie that it names.

    Paths in a manifest are relative to the folder in which the workflow ran. For
    results/<run>/dataset.json that is the folder of ``results``; where a file is not there, and for
    any other dataset.json, it is taken to be the working directory.

    Args:
        path: of a dataset.json.

    Raises:
        ContaError: no such file, or no manifest.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Manifest.load says to delete what is no manifest: not where another file was named
        _require_manifest(path)
        self.manifest = Manifest.load(path)
        run = Path(os.path.abspath(path)).parent
        ran_in = [run.parent.parent] if run.parent.name == RESULTS else []
        self._roots = dict.fromkeys([*ran_in, Path.cwd()])

    def record(self, image_id: str) -> ImageRecord:
        """What the manifest says of an image.

        Raises:
            ContaError: it has no such image.
        """
        require_image(self.path, image_id, self.manifest.images)
        return self.manifest.images[image_id]

    def photograph(self, image_id: str) -> np.ndarray:
        """The image, uint8 RGB (H, W, 3).

        Raises:
            ContaError: no such image, no file, or a file of another size.
        """
        record = self.record(image_id)
        return replace(record, image=str(self._found(record.image))).read_image()

    def truth(self, image_id: str) -> np.ndarray | None:
        """The ground truth, uint8 (H, W); None where the data set has none of this image."""
        record = self.record(image_id)
        if record.mask is None:
            return None
        found = replace(record, mask=str(self._found(record.mask)))
        return replace(self.manifest, images={image_id: found}).read_mask(image_id)

    def lists_of(self, image_id: str) -> list[str]:
        """Which of "train" and "val" the image is on."""
        return [name for name, ids in self.manifest.lists.items() if image_id in ids]

    def _found(self, path: str) -> Path:
        tried = [root / path for root in self._roots]
        for place in tried:
            if place.exists():
                return place
        raise ContaError(
            f"{path}: no such file in {' or '.join(str(root) for root in self._roots)}, where "
            f"{self.path} says it is; call from the folder in which the workflow ran, name a "
            "dataset.json that lies there with --dataset, or leave the photograph out with "
            "--no-photo"
        )


def _require_manifest(path: Path) -> None:
    try:
        content = read_json(path)
        found = content.get("format") if isinstance(content, dict) else None
    except FileNotFoundError:
        raise ContaError(f"{path}: no such file; name the {MANIFEST} of a run") from None
    except (OSError, ValueError) as error:
        raise ContaError(f"{path}: unreadable ({error}); name the {MANIFEST} of a run") from None
    if found != FORMAT:
        raise ContaError(
            f"{path}: its format is {str(found)[:80]!r}, expected {FORMAT!r}; name the {MANIFEST} "
            "of a run"
        )


@dataclass(frozen=True)
class Scene:
    """One image as it is shown.

    Attributes:
        image_id: of the image.
        size: height and width in pixels.
        shown: height and width on the sheet.
        tags: of the image; None where no manifest is known.
        image: the photograph, uint8 RGB at the shown size; None where it is left out.
        truth: the ground truth, uint8 (H, W); None where there is none or it is left out.
    """

    image_id: str
    size: tuple[int, int]
    shown: tuple[int, int]
    tags: tuple[str, ...] | None = None
    image: np.ndarray | None = None
    truth: np.ndarray | None = None

    def labels(self, labels: np.ndarray) -> np.ndarray:
        """Labels, uint8 (H, W), at the shown size."""
        return fit_exactly(labels, self.shown)

    def map(self, values: np.ndarray) -> np.ndarray:
        """A map over the image, at any size, as float32 at the shown size."""
        return fit(values.astype(np.float32), self.shown)

    @cached_property
    def about(self) -> str:
        """A line on the image."""
        tags = "" if self.tags is None else f"; tags: {', '.join(self.tags) or 'none'}"
        return f"{self.image_id}, {self.size[1]} x {self.size[0]} pixels{tags}"


def find_data_set(path: Path, view: View) -> DataSet | None:
    """The data set of a file or folder of a run: the one that is named, else found above it.

    Returns:
        None where none is found and the photograph is not wanted.

    Raises:
        ContaError: none is found, but wanted.
    """
    if view.dataset is not None:
        return DataSet(view.dataset)
    above = Path(os.path.abspath(path)).parents[:_LEVELS]
    for folder in above:
        if (folder / MANIFEST).is_file():
            return DataSet(folder / MANIFEST)
    if view.photo:
        raise ContaError(
            f"{path}: lies in no run: there is no {MANIFEST} in {above[0]} or the folders above; "
            "name the run's with --dataset, or leave the photograph out with --no-photo"
        )
    return None


def make_scene(
    image_id: str, size: tuple[int, int], data: DataSet | None, view: View, where: Path
) -> Scene:
    """The scene of an image.

    Args:
        image_id: of the image.
        size: height and width that the thing shown has it with.
        data: None: no photograph.
        view: how it is looked at.
        where: what is shown, for the message of an error.

    Raises:
        ContaError: the data set lacks the image or has it in another size.
    """
    shown = shown_size(size, view.side)
    if data is None:
        return Scene(image_id, size, shown)
    record = data.record(image_id)
    if size not in (record.size, record.own_size):
        raise ContaError(
            f"{where}: {image_id} has height and width {size}, but {data.path} says {record.size}; "
            "they are of different data sets, or index_dataset ran again: name the right "
            f"{MANIFEST} with --dataset"
        )
    if not view.photo:
        return Scene(image_id, size, shown, record.tags)
    image = fit(data.photograph(image_id), shown)
    return Scene(image_id, size, shown, record.tags, image, data.truth(image_id))


def require_classes(classes: Sequence[str], data: DataSet | None, where: Path) -> None:
    """Raise ContaError unless a store was made for the classes of the data set."""
    if data is not None and tuple(classes) != data.manifest.classes:
        raise ContaError(
            f"{where}: made for the classes {list(classes)}, but {data.path} has "
            f"{list(data.manifest.classes)}; name the right {MANIFEST} with --dataset"
        )
