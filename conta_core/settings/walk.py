"""The key `walk`: the boundary-aware random walk."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from conta_core.settings.base import Settings


class WalkSettings(Settings):
    """The boundary-aware random walk (IRNet, section 4)."""

    radius: Annotated[int, Field(ge=2)] = Field(
        5, description="neighbourhood on the stride-4 grid, cells"
    )
    beta: Annotated[float, Field(gt=0)] = Field(
        20.0, description="power of the affinities (IRNet: 10)"
    )
    steps: Annotated[int, Field(ge=0)] = Field(256, description="steps of the walk")
