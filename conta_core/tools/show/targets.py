"""What a path is, and the sheet that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from conta_core.drawing.blocks import Heading
from conta_core.drawing.sheet import Block, draw_sheet
from conta_core.errors import ContaError
from conta_core.storage.stores.header import read_store_attributes, store_kind
from conta_core.storage.stores.reader import StoreReader
from conta_core.tools.show.context import confounders_sheet, context_sheet
from conta_core.tools.show.maps import maps_sheet
from conta_core.tools.show.mask_files import mask_ids, read_mask_file
from conta_core.tools.show.masks import TITLES, TRUTH, mask_sheet, read_labels
from conta_core.tools.show.rounds import run_sheet
from conta_core.tools.show.scene import (
    MANIFEST,
    DataSet,
    View,
    find_data_set,
    make_scene,
    require_classes,
    require_image,
)
from conta_core.workflow.stages import round_folder, round_of

EXPECTED = (
    "a store (.h5), a folder of masks (pseudo_masks/), a dataset.json (ground truth) or the folder "
    "of a run (results/<run>)"
)


@dataclass(frozen=True)
class Shown:
    """A finished sheet.

    Attributes:
        figure: to be written by :func:`conta_core.drawing.sheet.write_sheet`.
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
    elif target.is_dir():
        blocks, name = _show_folder(target, image_id, view)
    elif target.suffix == ".json":
        blocks, name = _show_truth(target, image_id, view)
    else:
        blocks, name = _show_store(target, image_id, view)
    return Shown(draw_sheet(blocks), name)


def _is_run(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() or round_folder(folder, 0).is_dir()


def _show_run(folder: Path, image_id: str | None, view: View) -> tuple[list[Block], str]:
    path = view.dataset or folder / MANIFEST
    data = DataSet(path)
    known = data.manifest.ids(*data.manifest.lists)
    chosen = require_image(image_id, known, folder)
    run = Path(folder).absolute()
    return run_sheet(run, data, chosen, view), f"{chosen}-{run.name}"


def _show_folder(folder: Path, image_id: str | None, view: View) -> tuple[list[Block], str]:
    ids = mask_ids(folder)
    if (number := round_of(folder)) is not None:
        raise ContaError(
            f"{folder}: a round of a run; name {folder.parent}, and the round with --round {number}"
        )
    if not ids:
        raise ContaError(
            f"{folder}: a folder without masks (<image id>.png), and no run; expected {EXPECTED}"
        )
    data = find_data_set(folder, view)
    chosen = require_image(image_id, ids, folder, _why_missing(image_id, data))
    labels = read_mask_file(folder, chosen)
    height, width = labels.shape
    scene = make_scene(chosen, (height, width), data, view, folder / f"{chosen}.png")
    # without a data set the values have no names
    names = data.manifest.class_names if data else ("background",)
    title = "pseudo-mask" if folder.name == "pseudo_masks" else "mask"
    blocks = mask_sheet(labels, title, scene, view, names)
    return _with_source(blocks, str(folder)), f"{chosen}-{folder.absolute().name}"


def _show_truth(path: Path, image_id: str | None, view: View) -> tuple[list[Block], str]:
    data = DataSet(path)
    chosen = require_image(image_id, data.manifest.images, path)
    truth = data.truth(chosen)
    if truth is None:
        raise ContaError(f"{path}: has no ground-truth mask of {chosen}; name another image")
    scene = make_scene(chosen, data.record(chosen).size, data, view, path)
    blocks = mask_sheet(truth, TRUTH, scene, view, data.manifest.class_names)
    source = f"ground truth: {data.manifest.ground_truth or 'not named'}"
    return _with_source(blocks, source), f"{chosen}-ground_truth"


def _show_store(path: Path, image_id: str | None, view: View) -> tuple[list[Block], str]:
    kind = store_kind(path, read_store_attributes(path))
    with StoreReader(path, kind) as store:
        source = f"{kind} of run {store.run}, round {store.round}: {path}"
        name = f"{kind}-round-{store.round}"
        if kind == "confounders":
            if image_id is not None:
                raise ContaError(
                    f"{path}: the confounder set is one for all images; leave {image_id!r} out"
                )
            return _with_source(confounders_sheet(store), source), name
        data = find_data_set(path, view)
        require_classes(store.classes, data, path)
        chosen = require_image(image_id, store.image_ids, path, _why_missing(image_id, data))
        scene = make_scene(chosen, store.size(chosen), data, view, path)
        if kind in TITLES:
            names = ("background", *store.classes)
            labels = read_labels(store, scene)
            blocks = mask_sheet(labels, TITLES[kind], scene, view, names)
        elif kind == "context":
            blocks = context_sheet(store, scene, view)
        else:
            blocks = maps_sheet(store, scene, view)
        return _with_source(blocks, source), f"{chosen}-{name}"


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
