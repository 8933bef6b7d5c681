"""The key `irn`: IR labels, boundary and displacement heads."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from conta_core.settings.base import Fraction, NonNegative, Positive, Range
from conta_core.settings.crf import LabelCrfSettings
from conta_core.settings.training import TrainingSettings


class IrnSettings(TrainingSettings):
    """IR labels and IRNet's boundary and displacement heads on a frozen backbone."""

    foreground_threshold: Fraction = Field(0.5, description="labels: a CAM above it is foreground")
    background_threshold: Fraction = Field(
        0.3, description="labels: all CAMs below it is confident background"
    )
    label_crf: LabelCrfSettings = Field(
        default_factory=LabelCrfSettings, description="labels: CRF of both label maps"
    )
    radius: Annotated[int, Field(ge=2)] = Field(
        5, description="training: pairs of cells nearer than this on the stride-4 grid"
    )
    epochs: Positive = Field(3, description="passes over the training list")
    edge_learning_rate: NonNegative = Field(0.02, description="of the boundary head; poly 0.9")
    displacement_learning_rate: NonNegative = Field(
        0.05, description="of the displacement head; poly 0.9"
    )
    weight_decay: NonNegative = Field(0.0, description="of SGD (IRNet: 1e-4)")
    resize: Range = Field((112, 128), description="range of sizes, drawn a view, see resize_by")
    views: Annotated[int, Field(ge=0)] = Field(
        2, description="augmented views an image, cached; 0: fresh ones, nothing cached"
    )

    @model_validator(mode="after")
    def _thresholds(self) -> IrnSettings:
        if self.background_threshold > self.foreground_threshold:
            raise ValueError(
                f"background_threshold {self.background_threshold} is above foreground_threshold "
                f"{self.foreground_threshold}; confident background lies below"
            )
        return self
