"""The key `context`: the causal step."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from conta_core.settings.base import NonNegative, Positive, Settings


class ContextSettings(Settings):
    """The causal step (CONTA, section 3.3): the next round's context M."""

    method: Literal["conta", "none"] = Field(
        "conta", description="conta: M of the round before goes into the classifier; none: control"
    )
    block: Literal[2, 3, 4, 5, "all"] = Field(
        5, description="M is concatenated to the input of this backbone block (the paper's Block-n)"
    )
    size: tuple[Positive, Positive] = Field((16, 16), description="height and width of masks and M")
    source: Literal["segmentation", "pseudo_masks"] = Field(
        "segmentation", description="masks that the confounder set averages"
    )
    prior: Literal["uniform", "empirical"] = Field(
        "uniform", description="P(c): 1/n as in the paper, or the share of images of each class"
    )
    scaling: Literal["standardise", "none"] = Field(
        "standardise",
        description="M less its mean map over its deviation, or as the equation gives it",
    )
    steps: Annotated[int, Field(ge=0)] = Field(
        300, description="steps by which W1 and W2 learn the tags; 0 leaves them random"
    )
    learning_rate: NonNegative = Field(0.01, description="of W1 and W2 (Adam)")
