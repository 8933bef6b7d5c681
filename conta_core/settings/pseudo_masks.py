"""The key `pseudo_masks`: refined CAMs to pseudo-masks."""

from __future__ import annotations

from pydantic import Field

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
