"""The table of stages: what each makes, reads and depends on, and which runs have it.

The rules keep their literal paths; a test holds the two together. Status, benchmarks and the
tools follow this table. A stage with a ``title`` has scores, which the summary and the report show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from conta_core.causal.methods import has_stage, inputs, keys
from conta_core.settings.cam import ASKING

if TYPE_CHECKING:
    from conta_core.settings import Experiment

#: whether a run has a stage in a round, which is None for a stage of the whole run
Scope = Callable[[int | None, "Experiment"], bool]
RUN = "results/{run}"
ROUND = f"{RUN}/round-{{round}}"
MANIFEST = f"{RUN}/dataset.json"


@dataclass(frozen=True)
class Stage:
    """One stage of the workflow.

    Attributes:
        name: of its rule, its script and its function.
        output: path of what it makes, with ``{run}`` and, by round, ``{round}``.
        inputs: name in the rule -> path, of the same run and round. What the run's seed, refinement
            and method add is said by :meth:`further_inputs`.
        keys: dotted config keys that its result depends on, beside those of the seed and the
            method.
        without: dotted keys below them that it does not depend on.
        gathered_by: rule that makes ``output`` of its parts; None: it has no parts.
        kind: of the store, or of the folder of masks, that it makes; None: it makes another file.
        title: what its scores are of, for people; None: it makes no scores.
        scope: whether a run has it in a round (None: once a run), as far as seed and refinement do
            not say so; None: every run has it.
        own: whether it is a run's own in a round 0 that another run makes.
        asks_as: the stage whose name the methods of the causal step know it by; None: its own.
        serves: the stage that it is made for, where some seeds or refinements do without it.
    """

    name: str
    output: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    gathered_by: str | None = None
    kind: str | None = None
    title: str | None = None
    scope: Scope | None = None
    own: bool = False
    asks_as: str | None = None
    serves: str | None = None

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of its rules, in order."""
        return (self.name, self.gathered_by) if self.gathered_by else (self.name,)

    @property
    def by_round(self) -> bool:
        """Whether every round has it."""
        return "{round}" in self.output

    @property
    def in_round(self) -> str:
        """What a stage of every round makes, relative to the round's folder."""
        return self.output.removeprefix(f"{ROUND}/")

    @property
    def short(self) -> str:
        """The name of what it makes, without its ending."""
        return Path(self.output).stem

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
        return checkpoint_path(self.name, run, index)

    def all_keys(self, index: int | None, experiment: Experiment) -> tuple[str, ...]:
        """The config keys that its result depends on, with those of seed and method in a round."""
        if index is None:
            return self.keys
        of_seed = experiment.cam.keys(self.name, index)
        of_masks = experiment.pseudo_masks.keys(self.name, index)
        return (
            *of_seed,
            *of_masks,
            *self.keys,
            *keys(self.asks_as or self.name, experiment, index),
        )

    def further_inputs(self, index: int, experiment: Experiment) -> dict[str, str]:
        """What it reads through the run's seed, refinement, pseudo-masks and causal method.

        Returns:
            Name of the input -> path with ``{run}`` in place of the run's name.
        """
        of_seed = experiment.cam.inputs(self.name, index)
        if not BY_NAME["extract_cams"].is_needed(index, experiment):
            of_seed.pop("cams", None)
        return {
            **of_seed,
            **experiment.refinement.inputs(self.name, index),
            **experiment.pseudo_masks.inputs(self.name, index),
            **inputs(self.asks_as or self.name, experiment, index),
        }

    def is_needed(self, index: int | None, experiment: Experiment) -> bool:
        """Whether the run has this stage in this round."""
        for group in (experiment.cam, experiment.pseudo_masks):
            if index is not None and not group.has_stage(self.name, index):
                return False
        if self.serves == "extract_cams" and not _asks_classifier(index, experiment):
            return False
        own = self.scope is None or self.scope(index, experiment)
        return own and experiment.refinement.has_stage(self.name)

    @property
    def depends_on_config(self) -> bool:
        """Whether some runs do without it."""
        return self.scope is not None

    def owner(self, run: str, index: int | None, start_from: str | None) -> str:
        """The run that makes this for a run: itself, or the one that it starts from.

        Of another run are the made data set, and of round 0 all that no method's own step makes.
        """
        shared = not self.own and not index
        return start_from if shared and start_from is not None else run


def _of_format(name: str) -> Scope:
    """A stage that makes a data set of one format."""
    return lambda index, experiment: experiment.dataset.format == name


def _starts_from_another(index: int | None, experiment: Experiment) -> bool:
    return experiment.start_from is not None


def _asks_reliance(index: int | None, experiment: Experiment) -> bool:
    return experiment.reliance_images > 0


def _of_method(name: str) -> Scope:
    """A stage that some methods of the causal step have."""
    return lambda index, experiment: index is not None and has_stage(name, experiment, index)


def _asks_classifier(index: int | None, experiment: Experiment) -> bool:
    """Whether another stage of the round reads what the seed's trainings make."""
    assert index is not None
    return any(
        BY_NAME[name].is_needed(index, experiment) and "model" in experiment.cam.inputs(name, index)
        for name in ASKING
    )


STAGES = (
    Stage(
        "make_context_shapes",
        f"{RUN}/context_shapes",
        keys=("dataset.images", "dataset.size", "dataset.confounding", "seed"),
        scope=_of_format("context-shapes"),
    ),
    Stage(
        "make_coco_masks",
        f"{RUN}/coco_masks",
        keys=("dataset.format", "dataset.root", "dataset.lists", "dataset.classes"),
        scope=_of_format("coco"),
    ),
    Stage(
        "note_base_run",
        f"{RUN}/start.json",
        keys=("start_from",),
        scope=_starts_from_another,
        own=True,
    ),
    Stage(
        "index_dataset",
        MANIFEST,
        keys=("dataset",),
        without=("dataset.images", "dataset.size", "dataset.confounding"),
        own=True,
    ),
    Stage(
        "train_cam",
        f"{ROUND}/cam/model.safetensors",
        inputs={"manifest": MANIFEST},
        keys=("seed",),
        serves="extract_cams",
    ),
    Stage(
        "train_recam",
        f"{ROUND}/cam/recam.safetensors",
        inputs={"manifest": MANIFEST, "classifier": f"{ROUND}/cam/model.safetensors"},
        keys=("seed",),
        asks_as="train_cam",
        serves="extract_cams",
    ),
    Stage(
        "extract_cams",
        f"{ROUND}/cam/cams.h5",
        inputs={"manifest": MANIFEST},
        gathered_by="gather_cams",
        kind="cams",
        serves="make_pseudo_masks",
    ),
    Stage(
        "evaluate_cams",
        f"{ROUND}/scores/cam.json",
        inputs={"manifest": MANIFEST, "cams": f"{ROUND}/cam/cams.h5"},
        title="CAMs",
    ),
    Stage(
        "make_irn_labels",
        f"{ROUND}/irn/labels.h5",
        inputs={"manifest": MANIFEST, "cams": f"{ROUND}/cam/cams.h5"},
        keys=("irn.foreground_threshold", "irn.background_threshold", "irn.label_crf"),
        gathered_by="gather_labels",
        kind="labels",
        serves="refine_cams",
    ),
    Stage(
        "train_irn",
        f"{ROUND}/irn/model.safetensors",
        inputs={"manifest": MANIFEST, "labels": f"{ROUND}/irn/labels.h5"},
        keys=("irn", "seed"),
        without=(
            "irn.foreground_threshold",
            "irn.background_threshold",
            "irn.label_crf",
        ),
        serves="refine_cams",
    ),
    Stage(
        "refine_cams",
        f"{ROUND}/irn/refined.h5",
        inputs={"manifest": MANIFEST, "cams": f"{ROUND}/cam/cams.h5"},
        keys=("refinement",),
        gathered_by="gather_refined",
        kind="refined",
        serves="make_pseudo_masks",
    ),
    Stage(
        "evaluate_refined",
        f"{ROUND}/scores/refined.json",
        inputs={"manifest": MANIFEST, "refined": f"{ROUND}/irn/refined.h5"},
        title="refined CAMs",
    ),
    Stage(
        "make_pseudo_masks",
        f"{ROUND}/pseudo_masks",
        inputs={"manifest": MANIFEST},
        kind="pseudo_masks",
    ),
    Stage(
        "evaluate_pseudo_masks",
        f"{ROUND}/scores/pseudo_masks.json",
        inputs={"manifest": MANIFEST, "pseudo_masks": f"{ROUND}/pseudo_masks"},
        title="pseudo-masks",
    ),
    Stage(
        "evaluate_reliance",
        f"{ROUND}/scores/reliance.json",
        inputs={"manifest": MANIFEST, "pseudo_masks": f"{ROUND}/pseudo_masks"},
        keys=("reliance_images",),
        scope=_asks_reliance,
    ),
    Stage(
        "measure_objects",
        f"{ROUND}/intervention/objects.h5",
        inputs={"manifest": MANIFEST, "pseudo_masks": f"{ROUND}/pseudo_masks"},
        gathered_by="gather_objects",
        kind="objects",
        scope=_of_method("measure_objects"),
        own=True,
    ),
    Stage(
        "train_deeplab",
        f"{ROUND}/segmentation/model.safetensors",
        inputs={"manifest": MANIFEST, "pseudo_masks": f"{ROUND}/pseudo_masks"},
        keys=("segmentation", "seed"),
    ),
    Stage(
        "predict_train_masks",
        f"{ROUND}/segmentation/train_masks.h5",
        inputs={"manifest": MANIFEST, "model": f"{ROUND}/segmentation/model.safetensors"},
        gathered_by="gather_train_masks",
        kind="train_masks",
    ),
    Stage(
        "predict_logits",
        f"{ROUND}/segmentation/logits.h5",
        inputs={"manifest": MANIFEST, "model": f"{ROUND}/segmentation/model.safetensors"},
        gathered_by="gather_logits",
        kind="logits",
    ),
    Stage(
        "evaluate_segmentation",
        f"{ROUND}/scores/segmentation.json",
        inputs={
            "manifest": MANIFEST,
            "train_masks": f"{ROUND}/segmentation/train_masks.h5",
            "logits": f"{ROUND}/segmentation/logits.h5",
        },
        title="segmentation model",
    ),
    Stage(
        "evaluate_crf",
        f"{ROUND}/scores/segmentation_crf.json",
        inputs={"manifest": MANIFEST, "logits": f"{ROUND}/segmentation/logits.h5"},
        keys=("crf",),
        title="segmentation model and CRF",
    ),
    Stage(
        "build_confounders",
        f"{ROUND}/context/confounders.h5",
        inputs={"manifest": MANIFEST},
        kind="confounders",
        scope=_of_method("build_confounders"),
        own=True,
    ),
    Stage(
        "deconfound",
        f"{ROUND}/context/context.h5",
        inputs={
            "manifest": MANIFEST,
            "confounders": f"{ROUND}/context/confounders.h5",
            "train_masks": f"{ROUND}/segmentation/train_masks.h5",
            "logits": f"{ROUND}/segmentation/logits.h5",
        },
        keys=("seed",),
        kind="context",
        scope=_of_method("deconfound"),
        own=True,
    ),
    Stage("summarise", f"{RUN}/report.html", inputs={"manifest": MANIFEST}, own=True),
)
#: name of its rule -> stage
BY_NAME = {stage.name: stage for stage in STAGES}
#: name of a rule, of one that gathers parts too -> stage
BY_RULE = {rule: stage for stage in STAGES for rule in stage.rules}
BY_OUTPUT = {stage.output: stage for stage in STAGES}
#: stage of every round -> what it makes, relative to the round's folder
ROUND_FILES = {stage.name: stage.in_round for stage in STAGES if stage.by_round}
#: kind of a store, or of a folder of masks -> its place, relative to the round's folder
STORE_FILES = {stage.kind: stage.in_round for stage in STAGES if stage.kind}
#: what a scores json calls its stage -> what the scores are of, in the order of the stages
SCORED = {stage.short: stage.title for stage in STAGES if stage.title}


def checkpoint_path(name: str, run: str, index: int | None) -> str:
    """Where a stage keeps its state while it trains."""
    return f"checkpoints/{name}/{run}/round-{index}.pt"


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
