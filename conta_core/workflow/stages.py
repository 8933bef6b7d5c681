"""Where the files of a run lie: its stages in order; a test holds them against the rules."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conta_core.workflow.base_run import read_start

if TYPE_CHECKING:
    from conta_core.settings import Experiment

#: the stages that make a data set, those of the causal step, and those of an intervention
MADE = ("make_context_shapes", "make_coco_masks")
OF_CONTEXT = ("build_confounders", "deconfound")
OF_INTERVENTION = ("measure_objects",)
#: of every run its own, also in a round 0 that another run makes
OF_METHOD = (*OF_CONTEXT, *OF_INTERVENTION)

RUN = "results/{run}"
ROUND = f"{RUN}/round-{{round}}"


@dataclass(frozen=True)
class Stage:
    """One stage of the workflow.

    Attributes:
        name: of its rule.
        output: path of what it makes, with ``{run}`` and, by round, ``{round}``.
        gathered_by: rule that makes ``output`` of its parts; None: it has no parts.
    """

    name: str
    output: str
    gathered_by: str | None = None

    @property
    def by_round(self) -> bool:
        """Whether every round has it."""
        return "{round}" in self.output

    @property
    def in_round(self) -> str:
        """What a stage of every round makes, relative to the round's folder."""
        return self.output.removeprefix(f"{ROUND}/")

    def path(self, run: str, index: int | None) -> str:
        """What it makes, relative to the working directory."""
        return self.output.format(run=run, round=index)

    def log(self, run: str, index: int | None, part: str | None = None) -> str:
        """Its log, or that of a part such as ``1-of-4``; that of the gathering for None."""
        if self.gathered_by is None or part is None:
            place = f"{run}.log" if index is None else f"{run}/round-{index}.log"
            return f"logs/{self.gathered_by or self.name}/{place}"
        return f"logs/{self.name}/{run}/round-{index}/{part}.log"

    def part(self, run: str, index: int | None, part: str) -> str:
        """Path of one part of its output."""
        return f"{self.path(run, index).removesuffix('.h5')}.parts/{part}"

    def checkpoint(self, run: str, index: int | None) -> str:
        """Where it keeps its state while it trains."""
        return f"checkpoints/{self.name}/{run}/round-{index}.pt"

    def is_needed(self, index: int | None, experiment: Experiment) -> bool:
        """Whether the run has this stage in this round."""
        if self.name == "make_context_shapes":
            return experiment.dataset.format == "context-shapes"
        if self.name == "make_coco_masks":
            return experiment.dataset.format == "coco"
        if self.name == "note_base_run":
            return experiment.start_from is not None
        if self.name == "evaluate_reliance":
            return experiment.reliance_images > 0
        if self.name in OF_CONTEXT:
            later = index is not None and index < experiment.rounds - 1
            made_before = self.name == "build_confounders" or experiment.context.learning == "tags"
            return later and experiment.context.method == "conta" and made_before
        if self.name in OF_INTERVENTION:
            return index is not None and _measures_objects(index, experiment)
        return True

    @property
    def depends_on_config(self) -> bool:
        """Whether some runs do without it."""
        return self.name in (*MADE, *OF_METHOD, "note_base_run", "evaluate_reliance")

    def owner(self, run: str, index: int | None, start_from: str | None) -> str:
        """The run that makes this for a run: itself, or the one that it starts from.

        Of another run are the made data set, and of round 0 all that no method's own step makes.
        """
        shared = self.name in MADE or (index == 0 and self.name not in OF_METHOD)
        return start_from if shared and start_from is not None else run


STAGES = (
    Stage("make_context_shapes", f"{RUN}/context_shapes"),
    Stage("make_coco_masks", f"{RUN}/coco_masks"),
    Stage("note_base_run", f"{RUN}/start.json"),
    Stage("index_dataset", f"{RUN}/dataset.json"),
    Stage("train_cam", f"{ROUND}/cam/model.safetensors"),
    Stage("extract_cams", f"{ROUND}/cam/cams.h5", "gather_cams"),
    Stage("evaluate_cams", f"{ROUND}/scores/cam.json"),
    Stage("make_irn_labels", f"{ROUND}/irn/labels.h5", "gather_labels"),
    Stage("train_irn", f"{ROUND}/irn/model.safetensors"),
    Stage("refine_cams", f"{ROUND}/irn/refined.h5", "gather_refined"),
    Stage("evaluate_refined", f"{ROUND}/scores/refined.json"),
    Stage("make_pseudo_masks", f"{ROUND}/pseudo_masks"),
    Stage("evaluate_pseudo_masks", f"{ROUND}/scores/pseudo_masks.json"),
    Stage("evaluate_reliance", f"{ROUND}/scores/reliance.json"),
    Stage("measure_objects", f"{ROUND}/intervention/objects.h5", "gather_objects"),
    Stage("train_deeplab", f"{ROUND}/segmentation/model.safetensors"),
    Stage("predict_train_masks", f"{ROUND}/segmentation/train_masks.h5", "gather_train_masks"),
    Stage("predict_logits", f"{ROUND}/segmentation/logits.h5", "gather_logits"),
    Stage("evaluate_segmentation", f"{ROUND}/scores/segmentation.json"),
    Stage("evaluate_crf", f"{ROUND}/scores/segmentation_crf.json"),
    Stage("build_confounders", f"{ROUND}/context/confounders.h5"),
    Stage("deconfound", f"{ROUND}/context/context.h5"),
    Stage("summarise", f"{RUN}/report.html"),
)
#: stage of every round -> what it makes, relative to the round's folder
ROUND_FILES = {stage.name: stage.in_round for stage in STAGES if stage.by_round}
BY_OUTPUT = {stage.output: stage for stage in STAGES}
#: rules that gather the parts of a stage among them
BY_RULE = {rule: stage for stage in STAGES for rule in (stage.name, stage.gathered_by) if rule}


def _measures_objects(index: int, experiment: Experiment) -> bool:
    """Whether a classifier or segmentation model is intervened on with a round's objects."""
    chosen = experiment.context.intervention
    if experiment.context.method != "intervention":
        return False
    is_last = index == experiment.rounds - 1
    next_classifier = not is_last and chosen.measures_for_classifier
    return next_classifier or (index > 0 and chosen.measures_for_segmentation)


def owner_of(pattern: str, run: str, index: int | None, start_from: str | None) -> str:
    """The run that makes the file of a pattern for a run, as :meth:`Stage.owner`.

    Args:
        pattern: a stage's output, or any other path of the run's own.
        run: name of the run.
        index: of the round; None: the file is of the whole run.
        start_from: the run that it starts from.
    """
    stage = BY_OUTPUT.get(pattern)
    return run if stage is None else stage.owner(run, index, start_from)


def round_folder(run: Path, index: int) -> Path:
    """The folder of a round of a run's folder."""
    return run / f"round-{index}"


def round_file(folder: Path, name: str) -> Path:
    """Where a file of a round lies, which for round 0 may be the folder of another run.

    Args:
        folder: of the round, results/<run>/round-<round>.
        name: relative to it, one of :data:`ROUND_FILES`.
    """
    index, run = round_of(folder), folder.parent
    other = read_start(run) if index == 0 else None
    if other is None or owner_of(f"{ROUND}/{name}", "", index, other) != other:
        return folder / name
    return _beside(run, other) / folder.name / name


def _beside(run: Path, other: str) -> Path:
    return Path(os.path.abspath(run)).with_name(other)


def round_of(folder: Path) -> int | None:
    """The number of a round's folder, by its name; None: it is no round's."""
    found = re.fullmatch(r"round-(\d+)", folder.name)
    return int(found[1]) if found else None


def rounds_there(run: Path) -> list[int]:
    """The rounds of a run's folder that have begun, in order; round 0 may lie in another run's."""
    numbers = {round_of(path) for path in run.iterdir() if path.is_dir()}
    other = read_start(run)
    if other is not None and round_folder(_beside(run, other), 0).is_dir():
        numbers.add(0)
    return sorted(number for number in numbers if number is not None)
