"""The key `cam` with method clip-es: CAMs of CLIP, without training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from conta_core.settings.base import Fraction, Positive, UserPath
from conta_core.settings.cam import METHOD, SeedSettings
from conta_core.settings.given import GivenFile


class ClipEsSettings(SeedSettings):
    """CLIP-ES (Lin et al., CVPR 2023): image tower, text embeddings, the paper's constants."""

    method: Literal["clip-es"] = Field("clip-es", description=METHOD)
    tower: str = Field(
        "vit_base_patch16_clip_quickgelu_224.openai",
        description="timm's name of the image tower, with the tag of its weights; any plain vision "
        "transformer of timm",
    )
    tower_weights: UserPath = Field(
        "pretrained",
        description="pretrained (timm's for this name, downloaded once), none (random, for tests) "
        "or a .safetensors file",
    )
    text: UserPath | None = Field(
        None,
        description="text embeddings of the classes and of background words, a .safetensors file "
        "that conta text-embeddings makes; needed",
    )
    logit_scale: Annotated[float, Field(gt=0)] = Field(
        100.0, description="multiplies the cosines before the softmax (CLIP's temperature)"
    )
    long_side: Positive | None = Field(
        None,
        description="larger images are scaled down to it for the tower, pixels; null: as they are",
    )
    attention_blocks: Positive = Field(
        8, description="refinement: so many last blocks whose attention is averaged"
    )
    normalisations: Positive = Field(
        3, description="refinement: how often the affinity's columns and rows are normalised"
    )
    power: Annotated[int, Field(ge=0)] = Field(
        2, description="refinement: of the affinity, 2 is squared once; 0: none"
    )
    box_threshold: Fraction = Field(
        0.4, description="refinement: boxes around what a CAM has above it"
    )

    def inputs(self, stage: str, round_index: int) -> dict[str, str]:
        """The text embeddings; not before they are there, so that a plan can be seen."""
        if stage != "extract_cams" or self.text is None or not Path(self.text).is_file():
            return {}
        return {"text": self.text}

    def given_files(self) -> Iterator[GivenFile]:
        """The text embeddings, and the tower's weights where they are a file."""
        if self.text is not None:
            yield GivenFile("cam.text", self.text, "conta text-embeddings makes one")
        if self.tower_weights not in ("pretrained", "none"):
            mend = "give pretrained, none, or a .safetensors file that is there"
            yield GivenFile("cam.tower_weights", self.tower_weights, mend)

    @model_validator(mode="after")
    def _has_text(self) -> ClipEsSettings:
        if self.text is None:
            raise ValueError(
                "text is null; name the text embeddings of the classes, a .safetensors file that "
                "conta text-embeddings makes"
            )
        return self
