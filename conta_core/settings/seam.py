"""The key `cam` with method seam: CAMs that agree over scales, refined by pixel correlation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from conta_core.settings.base import Fraction, NonNegative
from conta_core.settings.cam import METHOD, TrainedSeedSettings

#: brightness, contrast, saturation, hue
Jitter = tuple[Fraction, Fraction, Fraction, Annotated[float, Field(ge=0, le=0.5)]]


class SeamSettings(TrainedSeedSettings):
    """SEAM (Wang et al., CVPR 2020): the second view, the weights of the losses, the colours."""

    method: Literal["seam"] = Field("seam", description=METHOD)
    second_scale: Annotated[float, Field(ge=0.1, le=1)] = Field(
        0.3, description="side of the second view, in crops"
    )
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.5, description="share of the channels that are dropped out before the head"
    )
    min_weight: NonNegative = Field(
        1.0, description="of the loss of the lowest quarter of the refined maps' pixels"
    )
    er_weight: NonNegative = Field(
        1.0, description="of ER, the difference between the two views' CAMs"
    )
    ecr_weight: NonNegative = Field(
        1.0,
        description="of ECR, the difference between a view's CAMs and the other's refined maps",
    )
    colour_jitter: Jitter | None = Field(
        (0.3, 0.3, 0.3, 0.1),
        description="greatest change of brightness, contrast, saturation and hue; null: none",
    )
