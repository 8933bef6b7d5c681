"""No causal step: the rounds do not depend on each other. Round 0 is always of this method."""

from __future__ import annotations

from conta_core.causal.methods.base import CausalMethod


class NoMethod(CausalMethod):
    """The control: the same work and the same draws, and nothing from the round before."""
