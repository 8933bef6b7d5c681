"""The runs that a comparison is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from conta_core.settings import ComparisonSettings
from conta_core.settings.comparison import ComparedRun


@dataclass(frozen=True)
class Design:
    """What is compared, as the rule compare gets it.

    Attributes:
        name: of the comparison.
        arms: name -> what the config says that it overrides; the first is what the others are
            compared with.
        members: the runs, level by level.
    """

    name: str
    arms: dict[str, dict[str, Any]]
    members: tuple[ComparedRun, ...]

    @property
    def first_arm(self) -> str:
        """The arm that the others are compared with."""
        return next(iter(self.arms))

    @property
    def levels(self) -> list[float | None]:
        """The levels of confounding, in the order of the config."""
        return list(dict.fromkeys(member.confounding for member in self.members))

    def arms_at(self, level: float | None) -> list[str]:
        """The arms that a level has, the first arm first."""
        return list(dict.fromkeys(m.arm for m in self.members if m.confounding == level))

    @property
    def has_several_round_0(self) -> bool:
        """Whether some arms differ before the causal step."""
        return any(m.arm != self.first_arm and m.start_from is None for m in self.members)

    @classmethod
    def of(cls, settings: ComparisonSettings) -> Design:
        """The design that the config states."""
        return cls(settings.name, dict(settings.arms), tuple(settings.compared_runs()))

    def as_values(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "arms": self.arms,
            "runs": [asdict(member) for member in self.members],
        }

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Design:
        """Back from :meth:`as_values`."""
        members = tuple(ComparedRun(**member) for member in values["runs"])
        return cls(values["name"], dict(values["arms"]), members)
