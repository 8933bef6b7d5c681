"""The whole config: one experiment, and the runs that differ from it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from conta_core.settings.base import Positive, Settings
from conta_core.settings.cam import CamSettings, SeedSettings
from conta_core.settings.choices import REFINEMENTS, SEEDS, SEGMENTATION_NETWORKS
from conta_core.settings.comparison import ComparisonSettings
from conta_core.settings.context import ContextSettings
from conta_core.settings.crf import CrfSettings
from conta_core.settings.dataset import DatasetSettings
from conta_core.settings.irn import IrnSettings
from conta_core.settings.pseudo_masks import PseudoMaskSettings
from conta_core.settings.refinement import IrnRefinementSettings, RefinementSettings
from conta_core.settings.segmentation import DeeplabV2Settings, SegmentationSettings
from conta_core.settings.variant import Variant


class Experiment(Settings):
    """One run: everything that its results depend on."""

    # the variants are loaded when the first config is read
    model_config = ConfigDict(defer_build=True)

    dataset: DatasetSettings = Field(
        default_factory=DatasetSettings, description="what images, tags and splits"
    )
    rounds: Positive = Field(3, description="CONTA rounds; round 0 has no context")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="everything random hangs on it")
    shards: Positive = Field(
        1,
        description="jobs that share each stage that goes image by image; changes no result and "
        "reruns nothing",
    )
    reliance_images: Annotated[int, Field(ge=0)] = Field(
        100,
        description="training images, at most, of which it is asked how far their classes' scores "
        "hang on context; 0: not asked",
    )
    start_from: str | None = Field(
        None,
        description="another run: its data set and round 0 stand for those of this one, which goes "
        "on from them; all that they depend on must be equal",
    )
    cam: Annotated[SeedSettings, Variant(SEEDS, "classifier")] = Field(
        default_factory=CamSettings, description="the seeds of the pseudo-masks: CAMs"
    )
    irn: IrnSettings = Field(
        default_factory=IrnSettings, description="IR labels, boundary and displacement heads"
    )
    refinement: Annotated[RefinementSettings, Variant(REFINEMENTS, "irn")] = Field(
        default_factory=IrnRefinementSettings, description="CAMs to refined CAMs"
    )
    pseudo_masks: PseudoMaskSettings = Field(
        default_factory=PseudoMaskSettings, description="refined CAMs to pseudo-masks"
    )
    segmentation: Annotated[SegmentationSettings, Variant(SEGMENTATION_NETWORKS, "deeplab_v2")] = (
        Field(default_factory=DeeplabV2Settings, description="the segmentation model")
    )
    context: ContextSettings = Field(default_factory=ContextSettings, description="the causal step")
    crf: CrfSettings = Field(default_factory=CrfSettings, description="the evaluation's CRF")

    @model_validator(mode="after")
    def _seed(self) -> Experiment:
        self.cam.check(self)
        self.pseudo_masks.check(self)
        return self

    @model_validator(mode="after")
    def _weights(self) -> Experiment:
        both = (getattr(self.cam, "backbone", None), self.segmentation.backbone)
        if self.context.classifier_init == "segmentation_model" and both[0] != both[1]:
            raise ValueError(
                f"context.classifier_init is segmentation_model, but cam.backbone is "
                f"{both[0]!r} and segmentation.backbone {both[1]!r}; a classifier can begin from a "
                "segmentation model of the same backbone alone"
            )
        return self


class Config(Experiment):
    """The whole config file: the base experiment and the runs that override it."""

    runs: dict[str, dict[str, Any]] = Field(
        {},
        description="name -> overrides of everything else; none: one run named dataset.name",
    )
    comparison: ComparisonSettings | None = Field(
        None,
        description="arms, levels of confounding and seeds, which make runs beside `runs`: "
        "docs/comparison.md",
    )
