"""The key `cam`: the CAM classifier and its maps."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from conta_core.settings.base import NonNegative
from conta_core.settings.training import FineTuningSettings


class CamSettings(FineTuningSettings):
    """The CAM classifier and the extraction of its maps (IRNet, section 3.1)."""

    learning_rate: NonNegative = Field(0.005, description="of the backbone; poly decay, power 0.9")
    head_factor: NonNegative = Field(10.0, description="the head learns this much faster")
    scales: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (1.0, 0.5), description="extraction: CAMs of these scales and flips are summed"
    )

    @model_validator(mode="after")
    def _has_scales(self) -> CamSettings:
        if not self.scales:
            raise ValueError("scales is empty; name at least one, e.g. [1.0]")
        return self
