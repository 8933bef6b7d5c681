"""The key `cam`: what gives the CAMs, the seeds of the pseudo-masks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from conta_core.settings.base import NonNegative, Positive, Settings
from conta_core.settings.given import GivenFile
from conta_core.settings.training import FineTuningSettings

if TYPE_CHECKING:
    from conta_core.settings.experiment import Experiment

METHOD = "what gives the CAMs: classifier, recam, seam, clip-es or imported (docs/seeds.md)"
#: the stages that some seeds alone have
OWN_STAGES = ("train_recam",)
#: the stages that ask what the round's classifier makes of images
ASKING = ("extract_cams", "evaluate_reliance", "measure_objects")


class SeedSettings(Settings):
    """What every seed has, and what the workflow asks of it.

    Attributes:
        model: file of a round, relative to its folder, which holds the trained classifier; None:
            the seed has none.
        stages: names of the stages that the seed alone has.
        extraction_keys: keys of the group that the extraction depends on and the training does not.
    """

    method: str = Field("classifier", description=METHOD)

    model: ClassVar[str | None] = None
    stages: ClassVar[tuple[str, ...]] = ()
    extraction_keys: ClassVar[tuple[str, ...]] = ()

    def keys(self, stage: str, round_index: int) -> tuple[str, ...]:
        """The dotted config keys that a stage depends on through the seed."""
        if stage == "train_cam":
            own = [key for key in type(self).model_fields if key not in self.extraction_keys]
        elif stage == "extract_cams" and self.model is None:
            own = list(type(self).model_fields)
        elif stage == "extract_cams":
            own = ["method", *self.extraction_keys]
        else:
            own = ["method"] if stage in ASKING else []
        return tuple(f"cam.{key}" for key in own)

    def inputs(self, stage: str, round_index: int) -> dict[str, str]:
        """The files that a stage reads through the seed: name -> path with ``{run}``."""
        if stage not in ASKING or self.model is None:
            return {}
        found = {"model": f"results/{{run}}/round-{round_index}/{self.model}"}
        if stage == "evaluate_reliance":
            found["cams"] = f"results/{{run}}/round-{round_index}/cam/cams.h5"
        return found

    def given_files(self) -> Iterator[GivenFile]:
        """The files of the user's that must be there, beside ``weights``."""
        yield from ()

    def has_stage(self, stage: str, round_index: int) -> bool:
        """Whether a round has a stage, as far as the seed is concerned."""
        if stage in OWN_STAGES:
            return stage in self.stages
        return self.model is not None or stage not in ("train_cam", *ASKING[1:])

    def check(self, experiment: Experiment) -> None:
        """Refuse what the seed cannot have: without a classifier, a second round or a causal step.

        Raises:
            ValueError: the key, what it is, and what the seed allows.
        """
        if self.model is not None:
            return
        allowed = {
            "rounds": (experiment.rounds, 1),
            "context.method": (experiment.context.method, "none"),
        }
        wrong = {key: both for key, both in allowed.items() if both[0] != both[1]}
        if wrong:
            found = ", ".join(f"{key} is {value}" for key, (value, _) in wrong.items())
            mend = ", ".join(f"{key}: {right}" for key, (_, right) in wrong.items())
            raise ValueError(
                f"cam.method is {self.method!r}, which trains no classifier, and {found}; give "
                f"{mend}. For more rounds, let another run import its cams.h5 in round 0 "
                "(cam.method: imported): later rounds train a classifier"
            )


class TrainedSeedSettings(FineTuningSettings, SeedSettings):
    """Keys shared by the seeds whose classifier is trained (IRNet, section 3.1)."""

    learning_rate: NonNegative = Field(0.005, description="of the backbone; poly decay, power 0.9")
    head_factor: NonNegative = Field(10.0, description="the head learns this much faster")
    scales: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (1.0, 0.5), description="extraction: CAMs of these scales and flips are summed"
    )

    model: ClassVar[str | None] = "cam/model.safetensors"
    extraction_keys: ClassVar[tuple[str, ...]] = ("scales",)

    @model_validator(mode="after")
    def _has_scales(self) -> TrainedSeedSettings:
        if not self.scales:
            raise ValueError("scales is empty; name at least one, e.g. [1.0]")
        return self


class CamSettings(TrainedSeedSettings):
    """The CAM classifier and the extraction of its maps (IRNet, section 3.1)."""

    method: Literal["classifier"] = Field("classifier", description=METHOD)


#: keys that the second training of ReCAM has values of its own for
REPLACED = ("epochs", "iterations", "learning_rate", "head_factor", "weight_decay")


class RecamSettings(TrainedSeedSettings):
    """The CAM classifier trained on with a softmax over its classes (ReCAM, CVPR 2022)."""

    method: Literal["recam"] = Field("recam", description=METHOD)
    recam_epochs: Positive = Field(4, description="second training: passes over the training list")
    recam_learning_rate: NonNegative = Field(
        5e-5, description="second training: of the backbone and the first classifier"
    )
    recam_head_learning_rate: NonNegative = Field(
        5e-4, description="second training: of the second classifier"
    )
    recam_weight_decay: NonNegative = Field(1e-4, description="second training: of SGD")
    recam_weight: NonNegative = Field(
        1.0, description="second training: of the softmax loss beside the first one (COCO: 0.1)"
    )

    model: ClassVar[str | None] = "cam/recam.safetensors"
    stages: ClassVar[tuple[str, ...]] = ("train_recam",)

    def keys(self, stage: str, round_index: int) -> tuple[str, ...]:
        """The dotted config keys that a stage depends on through the seed."""
        own = tuple(f"cam.{key}" for key in type(self).model_fields if key.startswith("recam_"))
        if stage == "train_cam":
            first = super().keys(stage, round_index)
            return tuple(key for key in first if key not in own)
        if stage == "train_recam":
            first = super().keys("train_cam", round_index)
            return tuple(key for key in first if key.removeprefix("cam.") not in REPLACED)
        return super().keys(stage, round_index)

    def second(self) -> Self:
        """The settings of the second training, whose own values stand in their usual places."""
        return self.model_copy(
            update={
                "epochs": self.recam_epochs,
                "iterations": None,
                "learning_rate": self.recam_learning_rate,
                "weight_decay": self.recam_weight_decay,
            }
        )
