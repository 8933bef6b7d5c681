"""The files of a round that can be exported."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.runtime.nearest import did_you_mean
from conta_core.workflow.run_folders import round_file, round_folder, rounds_there
from conta_core.workflow.stages import ROUND_FILES


@dataclass(frozen=True)
class RoundFiles:
    """A round of a run.

    Attributes:
        run: the run's folder.
        index: of the round.
    """

    run: Path
    index: int

    @property
    def folder(self) -> Path:
        """Of the round."""
        return round_folder(self.run, self.index)

    @property
    def pseudo_masks(self) -> Path:
        """Folder of the pseudo-masks."""
        return round_file(self.folder, ROUND_FILES["make_pseudo_masks"])

    @property
    def model(self) -> Path:
        """The segmentation model."""
        return round_file(self.folder, ROUND_FILES["train_deeplab"])

    def manifest(self) -> Manifest:
        """The run's manifest."""
        return Manifest.load(self.run / "dataset.json")

    def finished(self) -> bool:
        """Whether the pseudo-masks and the model are there."""
        return self.pseudo_masks.is_dir() and self.model.is_file()


def find_round(run: str | os.PathLike[str], index: int | None = None) -> RoundFiles:
    """A round of a run that has its pseudo-masks and its model.

    Args:
        run: the run's folder, results/<run>.
        index: of the round; None: the last one that is finished.

    Raises:
        ContaError: no such folder, no run, or a round that is not finished.
    """
    folder = Path(run)
    if not folder.is_dir():
        there = os.listdir(folder.parent) if folder.parent.is_dir() else ()
        mend = did_you_mean(folder.name, there, "name a folder results/<run>", folder.parent)
        raise ContaError(f"{run}: no such folder{mend}")
    if not (folder / "dataset.json").is_file():
        raise ContaError(f"{run}: not a run, it has no dataset.json; name a folder results/<run>")
    rounds = rounds_there(folder)
    finished = [number for number in rounds if RoundFiles(folder, number).finished()]
    if not finished:
        raise ContaError(
            f"{run}: no round has both its pseudo_masks and its segmentation/model.safetensors; "
            "run the workflow to the end of a round first"
        )
    if index is not None and index not in finished:
        raise ContaError(
            f"{run}: round {index} is {'not finished' if index in rounds else 'not there'}; "
            f"finished: {', '.join(map(str, finished))}: name one of them with --round"
        )
    return RoundFiles(folder, finished[-1] if index is None else index)


def new_path(folder: str | os.PathLike[str], name: str) -> Path:
    """Where an export is written: a path that nothing has yet.

    Raises:
        ContaError: something is there.
    """
    path = Path(folder, name)
    if path.exists():
        raise ContaError(f"{path}: is there already; delete it or export to another folder")
    return path
