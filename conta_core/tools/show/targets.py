"""What a path is, and the sheet that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from conta_core.errors import ContaError
from conta_core.evaluation.store_kinds.confounders import Confounders
from conta_core.evaluation.store_kinds.context import Context
from conta_core.evaluation.store_kinds.images import (
    Images,
    MaskImages,
    StoreImages,
    fitting,
    open_images,
)
from conta_core.evaluation.store_kinds.kind import StoredImage
from conta_core.evaluation.store_kinds.labels import LabelKind
from conta_core.evaluation.store_kinds.maps import MapKind
from conta_core.images.drawing.blocks import Heading
from conta_core.images.drawing.sheet import Block, draw_sheet
from conta_core.tools.inspect.images import require_image
from conta_core.tools.show.context import confounders_sheet, context_sheet
from conta_core.tools.show.maps import maps_sheet
from conta_core.tools.show.masks import TRUTH, mask_sheet
from conta_core.tools.show.rounds import run_sheet
from conta_core.tools.show.scene import (
    MANIFEST,
    DataSet,
    Scene,
    View,
    find_data_set,
    make_scene,
    require_classes,
)
from conta_core.workflow.run_folders import round_folder, round_of

EXPECTED = (
    "a store (.h5), a folder of masks (pseudo_masks/), a dataset.json (ground truth) or the folder "
    "of a run (results/<run>)"
)


@dataclass(frozen=True)
class Shown:
    """A finished sheet.

    Attributes:
        figure: to be written by :func:`conta_core.images.drawing.sheet.write_sheet`.
        name: what it shows, fit for a file name.
    """

    figure: Figure
    name: str


def show(target: Path, image_id: str | None, view: View) -> Shown:
    """Draw what lies at a path.

    Args:
        target: see :data:`EXPECTED`.
        image_id: of the image to look at; None where the target has no images.
        view: how it is looked at.

    Raises:
        ContaError: it is nothing that can be shown, is broken, or lacks the image.
    """
    if not target.exists():
        raise ContaError(f"{target}: no such file or folder; expected {EXPECTED}")
    is_run = target.is_dir() and _is_run(target)
    if view.rounds and not is_run:
        raise ContaError(f"{target}: --round is for the folder of a run; leave it out")
    if is_run:
        blocks, name = _show_run(target, image_id, view)
    elif target.suffix == ".json":
        blocks, name = _show_truth(target, image_id, view)
    else:
        if target.is_dir():
            _require_masks(target)
        blocks, name = _show_images(target, image_id, view)
    return Shown(draw_sheet(blocks), name)


def _is_run(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() or round_folder(folder, 0).is_dir()


def _show_run(folder: Path, image_id: str | None, view: View) -> tuple[list[Block], str]:
    path = view.dataset or folder / MANIFEST
    data = DataSet(path)
    known = data.manifest.ids(*data.manifest.lists)
    chosen = require_image(folder, image_id, known)
    run = Path(folder).absolute()
    return run_sheet(run, data, chosen, view), f"{chosen}-{run.name}"


def _require_masks(folder: Path) -> None:
    if (number := round_of(folder)) is not None:
        raise ContaError(
            f"{folder}: a round of a run; name {folder.parent}, and the round with --round {number}"
        )
    if not any(MaskImages(folder).ids()):
        raise ContaError(
            f"{folder}: a folder without masks (<image id>.png), and no run; expected {EXPECTED}"
        )


def _show_truth(path: Path, image_id: str | None, view: View) -> tuple[list[Block], str]:
    data = DataSet(path)
    chosen = require_image(path, image_id, data.manifest.images)
    truth = data.truth(chosen)
    if truth is None:
        raise ContaError(f"{path}: has no ground-truth mask of {chosen}; name another image")
    scene = make_scene(chosen, data.record(chosen).size, data, view, path)
    blocks = mask_sheet(truth, TRUTH, scene, view, data.manifest.class_names)
    source = f"ground truth: {data.manifest.ground_truth or 'not named'}"
    return _with_source(blocks, source), f"{chosen}-ground_truth"


def _show_images(path: Path, image_id: str | None, view: View) -> tuple[list[Block], str]:
    with open_images(path) as images:
        source, name = str(path), path.absolute().name
        if isinstance(images, StoreImages):
            source = f"{images.about}: {path}"
            name = f"{images.kind.name}-round-{images.store.round}"
        if isinstance(images, StoreImages) and isinstance(images.kind, Confounders):
            if image_id is not None:
                raise ContaError(
                    f"{path}: the confounder set is one for all images; leave {image_id!r} out"
                )
            return _with_source(confounders_sheet(images.store), source), name
        data = find_data_set(path, view)
        if images.classes:
            require_classes(images.classes, data, path)
        chosen = require_image(path, image_id, images.ids(), _why_missing(image_id, data))
        image = images.image(chosen)
        scene = make_scene(chosen, image.size, data, view, path)
        # a folder of masks may not know its classes
        classes = images.classes or (data.manifest.classes if data else ())
        with fitting(path, image):
            blocks = _sheet(images, image, classes, scene, view)
        return _with_source(blocks, source), f"{chosen}-{name}"


def _sheet(
    images: Images, image: StoredImage, classes: Sequence[str], scene: Scene, view: View
) -> list[Block]:
    """An image of a store or of a folder of masks."""
    kind = images.kind
    if isinstance(kind, LabelKind):
        other_folder = isinstance(images, MaskImages) and images.where.name != kind.name
        title = "mask" if other_folder else kind.sheet_title
        return mask_sheet(kind.as_labels(image), title, scene, view, ("background", *classes))
    if isinstance(kind, MapKind):
        return maps_sheet(kind, image, scene, view)
    if isinstance(kind, Context) and isinstance(images, StoreImages):
        return context_sheet(kind, image, images.store, scene, view)
    raise ContaError(
        f"{images.where}: holds {kind.caption}, expected masks or maps to draw; `conta inspect` "
        "prints them"
    )


def _with_source(blocks: list[Block], source: str) -> list[Block]:
    """A line below the heading that says where all comes from."""
    return [blocks[0], Heading(source), *blocks[1:]]


def _why_missing(image_id: str | None, data: DataSet | None) -> str:
    """Where an image is known that the thing shown lacks."""
    if data is None or image_id not in data.manifest.images:
        return ""
    lists = {"train": "training", "val": "validation"}
    known = " and the ".join(lists[name] for name in data.lists_of(image_id))
    return f" (the data set has it, on the {known} list)" if known else ""
