"""The key `pseudo_masks`: refined CAMs to pseudo-masks."""

from __future__ import annotations

from pydantic import Field, model_validator

from conta_core.settings.base import Fraction, Settings
from conta_core.settings.crf import LabelCrfSettings


class PseudoMaskSettings(Settings):
    """Refined CAMs to pseudo-masks."""

    background_threshold: Fraction = Field(
        0.5, description="background wins where every refined CAM is below it"
    )
    crf: bool = Field(True, description="sharpen each pseudo-mask with a dense CRF")
    label_crf: LabelCrfSettings = Field(
        default_factory=LabelCrfSettings, description="that CRF's values"
    )
    ignore_below: Fraction | None = Field(
        None,
        description="pixels whose label has less probability after that CRF are 255, and teach "
        "nothing (CLIP-ES: 0.95); null: none are",
    )

    @model_validator(mode="after")
    def _ignored(self) -> PseudoMaskSettings:
        if self.ignore_below is not None and not self.crf:
            raise ValueError(
                f"ignore_below is {self.ignore_below} and crf false; the probability is that of "
                "the CRF: give crf: true, or ignore_below: null"
            )
        return self
