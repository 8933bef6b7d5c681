"""The key `refinement`: from CAMs to refined CAMs."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from conta_core.settings.base import Positive, Settings

METHOD = (
    "how CAMs are refined. irn: by a random walk that stops at the boundaries which the round's "
    "IRN predicts; pamr: by the colours of neighbouring pixels, without training; none: not at all"
)
#: the stages that make an IRN
IRN_STAGES = ("make_irn_labels", "train_irn")


class RefinementSettings(Settings):
    """What every refinement has, and what the workflow asks of it.

    Attributes:
        needs_irn: whether it reads the round's IRN.
    """

    method: str = Field("irn", description=METHOD)

    needs_irn: ClassVar[bool] = False

    def inputs(self, stage: str, round_index: int) -> dict[str, str]:
        """The files that a stage reads through the refinement: name -> path with ``{run}``."""
        if stage != "refine_cams" or not self.needs_irn:
            return {}
        return {"model": f"results/{{run}}/round-{round_index}/irn/model.safetensors"}

    def has_stage(self, stage: str) -> bool:
        """Whether a round has a stage, as far as the refinement is concerned."""
        return self.needs_irn or stage not in IRN_STAGES


class IrnRefinementSettings(RefinementSettings):
    """The boundary-aware random walk (IRNet, section 4)."""

    method: Literal["irn"] = Field("irn", description=METHOD)
    radius: Annotated[int, Field(ge=2)] = Field(
        5, description="neighbourhood on the stride-4 grid, cells"
    )
    beta: Annotated[float, Field(gt=0)] = Field(
        20.0, description="power of the affinities (IRNet: 10)"
    )
    steps: Annotated[int, Field(ge=0)] = Field(256, description="steps of the walk")
    inference_pad: Annotated[int, Field(ge=16)] | None = Field(
        None,
        description="edges of an image: height and width it is padded to, pixels (IRNet: 512, "
        "which also cuts larger images; here they stay whole); null: the stride's next multiple",
    )

    needs_irn: ClassVar[bool] = True


class PamrSettings(RefinementSettings):
    """Pixel-adaptive mask refinement (PAMR; Araslanov and Roth, CVPR 2020)."""

    method: Literal["pamr"] = Field("pamr", description=METHOD)
    dilations: tuple[Positive, ...] = Field(
        (1, 2, 4, 8, 12, 24), description="distances of a pixel's 8 neighbours, pixels"
    )
    iterations: Positive = Field(10, description="how often neighbours are averaged")

    @model_validator(mode="after")
    def _has_dilations(self) -> PamrSettings:
        if not self.dilations:
            raise ValueError("dilations is empty; name at least one, e.g. [1, 2, 4]")
        return self


class NoRefinementSettings(RefinementSettings):
    """No refinement."""

    method: Literal["none"] = Field("none", description=METHOD)
