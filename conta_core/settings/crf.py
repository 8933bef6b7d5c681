"""The dense CRFs: `crf` of the evaluation, `label_crf` of IR labels and of pseudo-masks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from conta_core.settings.base import Fraction, NonNegative, Positive, Settings


class CrfSettings(Settings):
    """The dense CRF of the evaluation (deeplab-pytorch's values)."""

    iterations: Positive = Field(10, description="mean-field iterations")
    gaussian_sxy: NonNegative = Field(1.0, description="smoothness kernel, pixels")
    gaussian_compat: NonNegative = Field(3.0, description="smoothness weight")
    bilateral_sxy: NonNegative = Field(67.0, description="appearance kernel, pixels")
    bilateral_srgb: NonNegative = Field(3.0, description="appearance kernel, grey levels")
    bilateral_compat: NonNegative = Field(4.0, description="appearance weight")
    skip_labels_below: Fraction = Field(
        0.0,
        description="labels that are nowhere in an image as probable have no part in its CRF, "
        "which then takes less time; 0: all labels have",
    )


class LabelCrfSettings(Settings):
    """The CRF that sharpens labels (IRNet's values)."""

    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.7, description="probability given to a label (gt_prob)"
    )
    iterations: Positive = Field(10, description="mean-field iterations")
    gaussian_sxy: NonNegative = Field(3.0, description="smoothness kernel, pixels")
    gaussian_compat: NonNegative = Field(3.0, description="smoothness weight")
    bilateral_sxy: NonNegative = Field(50.0, description="appearance kernel, pixels")
    bilateral_srgb: NonNegative = Field(5.0, description="appearance kernel, grey levels")
    bilateral_compat: NonNegative = Field(10.0, description="appearance weight")
