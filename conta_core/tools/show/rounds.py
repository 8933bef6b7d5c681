"""All stages of an image in a run, a row a round."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from conta_core.errors import ContaError
from conta_core.evaluation.store_kinds.context import Context
from conta_core.evaluation.store_kinds.images import Images, StoreImages, fitting, open_images
from conta_core.evaluation.store_kinds.kind import StoredImage
from conta_core.evaluation.store_kinds.labels import LabelKind
from conta_core.evaluation.store_kinds.maps import Cams, MapKind
from conta_core.evaluation.store_kinds.registry import KINDS
from conta_core.images.drawing.blocks import ColourBar, Grid, Heading, Legend
from conta_core.images.drawing.cells import Cell, absent, picture
from conta_core.images.drawing.colour_maps import heat_map
from conta_core.images.drawing.label_colours import label_legend
from conta_core.images.drawing.sheet import Block
from conta_core.storage.stores.header import MEND
from conta_core.tools.show.maps import map_pixels, require_finite
from conta_core.tools.show.masks import TRUTH, areas, mask_cell, over_image
from conta_core.tools.show.scene import DataSet, Scene, View, make_scene
from conta_core.workflow.run_folders import round_file, round_folder, rounds_there
from conta_core.workflow.stages import STORE_FILES

#: list -> the columns that its images have
COLUMNS = {
    "train": ("cams", "refined", "pseudo_masks", "train_masks", "context"),
    "val": ("cams", "logits", "context"),
}
ONLY_TRAIN = "refined CAM, pseudo-mask and X_m are made of training images only"
ONLY_VAL = "logits are made of validation images only"
#: classes whose alpha a caption tells
MAX_ALPHAS = 3


@dataclass
class _Stages:
    """What the rounds of a run made of one image, cell by cell."""

    data: DataSet
    scene: Scene
    view: View
    masks: list[np.ndarray]
    highest_context: float

    def cell(self, name: str, path: Path) -> Cell:
        """A stage of a round, or the place where it would be."""
        kind = KINDS[name]
        if not path.exists():
            why = f"not there: {path.parent.name}/{path.name}"
            if isinstance(kind, Context):
                why += " (only context.method: conta makes it, and not in the last round)"
            return absent(self.scene.shown, kind.caption, why)
        if isinstance(kind, Cams) and self._lacks_validation(path):
            why = "the CAMs were read from files, which have none of this image"
            return absent(self.scene.shown, kind.caption, why)
        with self._opened(name, path) as (images, image):
            if isinstance(kind, LabelKind):
                return self._mask(kind.as_labels(image), kind.caption)
            if isinstance(kind, MapKind):
                return self._strongest(kind, image)
            if isinstance(kind, Context) and isinstance(images, StoreImages):
                return self._context(kind, image, images.store.round)
        raise ValueError(f"a run has no column of {kind.title}")

    def find_highest_context(self, paths: list[Path]) -> None:
        """One scale for M of all rounds."""
        for path in paths:
            if path.exists():
                with self._opened(Context.name, path) as (_, image):
                    highest = float(Context().as_map(image).max())
                self.highest_context = max(self.highest_context, highest)

    def _lacks_validation(self, path: Path) -> bool:
        """Whether the image is of the validation list alone, and a store does without it."""
        wanted = self.scene.image_id
        if self.data.lists_of(wanted) != ["val"]:
            return False
        with open_images(path, Cams.name) as images:
            return wanted not in images.ids(lambda image_id: image_id == wanted)

    @contextmanager
    def _opened(self, name: str, path: Path) -> Iterator[tuple[Images, StoredImage]]:
        """The images of a file, and the one that is shown.

        Raises:
            ContaError: the file lacks the image, has it in another size or holds what does not fit.
        """
        classes, wanted = self.data.manifest.classes, self.scene.image_id
        with open_images(path, name, [wanted], classes) as images:
            image = images.image(wanted)
            # masks have the photograph's own size, stores that of the stages
            sizes = (self.scene.size, self.data.record(wanted).own_size)
            if image.size not in sizes:
                raise ContaError(
                    f"{path}: {wanted} has height and width {image.size}, expected "
                    f"{self.scene.size} as the image; {MEND}"
                )
            with fitting(path, image):
                yield images, image

    def _mask(self, labels: np.ndarray, title: str) -> Cell:
        names = self.data.manifest.class_names
        self.masks.append(labels)
        if self.view.overlay is None or self.scene.image is None:
            return mask_cell(labels, title, self.scene, names)
        over = over_image(labels, self.scene.image, self.scene, self.view)
        return picture(over, title, areas(labels, names))

    def _strongest(self, kind: MapKind, image: StoredImage) -> Cell:
        values, names = kind.strongest(image)
        require_finite(values)
        if not names:
            return absent(self.scene.shown, kind.caption, "the image has no tags, so no maps")
        pixels = map_pixels(values, self.scene, self.view)
        return picture(pixels, kind.caption, f"strongest: {', '.join(names)}")

    def _context(self, kind: Context, image: StoredImage, index: int) -> Cell:
        context, alphas = kind.as_map(image), kind.alphas(image)
        require_finite(context, np.array([*alphas.values()]))
        pixels = heat_map(self.scene.map(context / max(self.highest_context, 1e-12)))
        largest = sorted(alphas, key=lambda name: -alphas[name])[:MAX_ALPHAS]
        told = ", ".join(f"{name} {alphas[name]:.2f}" for name in largest)
        title = f"{kind.caption} for round {index + 1}"
        return picture(pixels, title, f"largest alphas: {told}")


def run_sheet(folder: Path, data: DataSet, image_id: str, view: View) -> list[Block]:
    """All stages of one image, round by round.

    Args:
        folder: results/<run>.
        data: of the run.
        image_id: of a training or validation image.
        view: how it is looked at, and which rounds.

    Raises:
        ContaError: no such round or image, or a broken file; a file that is not there yet has its
            place left empty.
    """
    rounds = chosen_rounds(folder, view)
    lists = data.lists_of(image_id)
    scene = make_scene(image_id, data.record(image_id).size, data, view, folder)
    kinds = [kind for kind in STORE_FILES if any(kind in COLUMNS[name] for name in lists)]
    stages = _Stages(data, scene, view, [], 0.0)
    stages.find_highest_context([_file(folder, i, "context") for i in rounds])
    blocks: list[Block] = []
    names = data.manifest.class_names
    first: list[Cell] = []
    if scene.image is not None:
        first.append(picture(scene.image, "image"))
    if scene.truth is not None and scene.image is not None:
        stages.masks.append(scene.truth)
        first.append(mask_cell(scene.truth, TRUTH, scene, names))
        over = over_image(scene.truth, scene.image, scene, view)
        first.append(picture(over, f"{TRUTH}, over the image"))
    elif view.photo:
        first.append(absent(scene.shown, TRUTH, "the data set has none of this image"))
    if first:
        blocks.append(Grid(first, len(first)))
    for index in rounds:
        cells = [stages.cell(kind, _file(folder, index, kind)) for kind in kinds]
        blocks.append(Heading(f"round {index}", 10.5, bold=True))
        blocks.append(Grid(cells, len(cells)))
    about = f"{scene.about}; on the {' and the '.join(_LISTS[name] for name in lists)} list"
    if len(lists) == 1:
        about += f": {ONLY_VAL if lists == ['train'] else ONLY_TRAIN}"
    shown = [KINDS[name] for name in STORE_FILES]
    scales = [f"{kind.caption}: {kind.short_scale}" for kind in shown if isinstance(kind, MapKind)]
    return [
        Heading(f"Run {folder.name}", 11, bold=True),
        Heading(about),
        *blocks,
        Legend(label_legend(stages.masks, names)),
        ColourBar("; ".join([*scales, "the strongest class at each pixel"]), 0, 1),
        *_context_bar(stages.highest_context),
    ]


def chosen_rounds(folder: Path, view: View) -> list[int]:
    """The rounds to show, in order.

    Raises:
        ContaError: the run has none, or not one that is asked for.
    """
    there = rounds_there(folder)
    if not there:
        raise ContaError(f"{folder}: holds no round-0; name results/<run> of a run that has begun")
    missing = sorted(set(view.rounds) - set(there))
    if missing:
        raise ContaError(
            f"{folder}: has no round {missing[0]}; it has {', '.join(map(str, there))}"
        )
    return sorted(set(view.rounds)) or there


def _file(folder: Path, index: int, kind: str) -> Path:
    return round_file(round_folder(folder, index), STORE_FILES[kind])


_LISTS = {"train": "training", "val": "validation"}


def _context_bar(high: float) -> list[Block]:
    return [ColourBar("M, one scale for all rounds", 0, high)] if high else []
