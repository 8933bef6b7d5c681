"""Everything that is wrong with the CAMs and pseudo-masks that a config imports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from conta_core.data.manifest import Manifest
from conta_core.data.problems import Problem
from conta_core.errors import ContaError
from conta_core.images.masks import read_label_png
from conta_core.runtime.threads import map_in_threads
from conta_core.seeds.foreign.pseudo_masks import require_all, require_mask
from conta_core.seeds.foreign.sources import images_there, open_source
from conta_core.settings import Experiment
from conta_core.settings.imported import ImportedSettings


def check_imported(experiment: Experiment, data: Manifest, workers: int) -> Iterator[Problem]:
    """Read all files of others that a run takes.

    Args:
        experiment: of the run.
        data: its manifest; images without a size are left out.
        workers: threads.
    """
    sizes = [one.id for one in data.images.values() if one.height and one.width]
    readable = frozenset(sizes)
    if isinstance(experiment.cam, ImportedSettings):
        yield from _of_kind("imported CAMs", _cams(experiment.cam, data, readable, workers))
    if experiment.pseudo_masks.imported is not None:
        folder = Path(experiment.pseudo_masks.imported)
        yield from _of_kind("imported pseudo-masks", _masks(folder, data, readable, workers))


def _of_kind(kind: str, texts: Iterator[str]) -> Iterator[Problem]:
    return (Problem(kind, text) for text in texts)


def _cams(
    settings: ImportedSettings, data: Manifest, readable: frozenset[str], workers: int
) -> Iterator[str]:
    path = Path(str(settings.source))
    if settings.is_made_by_a_run and not path.exists():
        return
    ids = data.ids("train", "val")
    try:
        source = open_source(path, data.classes)
    except ContaError as error:
        yield str(error)
        return
    try:
        ids = images_there(source, data, ids)
    except ContaError as error:
        yield str(error)
    there = [i for i in ids if i in readable and source.has(i)]

    def read(image_id: str) -> None:
        source.read(data.images[image_id], data.tag_indices(image_id))

    yield from _errors(read, there, workers)


def _masks(folder: Path, data: Manifest, readable: frozenset[str], workers: int) -> Iterator[str]:
    ids = data.ids("train")
    try:
        require_all(folder, [data.images[i] for i in ids])
    except ContaError as error:
        yield str(error)
    there = [i for i in ids if i in readable and (folder / f"{i}.png").exists()]

    def read(image_id: str) -> None:
        path = folder / f"{image_id}.png"
        keys = data.tag_indices(image_id)
        require_mask(path, read_label_png(path), data.images[image_id], keys, data.classes)

    yield from _errors(read, there, workers)


def _errors(read: Callable[[str], None], ids: list[str], workers: int) -> Iterator[str]:
    """The text of every error."""

    def tried(image_id: str) -> str | None:
        try:
            read(image_id)
        except ContaError as error:
            return str(error)
        return None

    yield from (text for text in map_in_threads(tried, ids, workers) if text is not None)
