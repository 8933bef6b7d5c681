"""The runs that a comparison is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from conta_core.settings.comparison import ComparisonSettings, LevelSettings


@dataclass(frozen=True)
class Member:
    """One run of a comparison.

    Attributes:
        run: its name.
        arm: name of its arm.
        confounding: its level, 0..1; None: that of the config's data set.
        seed: which of the level's seeds; runs of one level and seed are a pair.
    """

    run: str
    arm: str
    confounding: float | None
    seed: int


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
    members: tuple[Member, ...]

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
        members = tuple(Member(**member) for member in values["runs"])
        return cls(values["name"], dict(values["arms"]), members)


def make_design(settings: ComparisonSettings) -> Design:
    """All runs of a comparison."""
    members = tuple(
        Member(_run_name(arm, level, seed), arm, level.confounding, seed)
        for level in settings.levels
        for seed in range(level.seeds)
        for arm in settings.arms_of(level)
    )
    return Design(settings.name, dict(settings.arms), members)


def overrides_of_runs(settings: ComparisonSettings) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and overrides of every run, as ``runs`` would state them."""
    for level in settings.levels:
        for seed in range(level.seeds):
            first = _run_name(settings.first_arm, level, seed)
            for arm in settings.arms_of(level):
                overrides = {**settings.arms[arm], "seed": seed}
                if level.confounding is not None:
                    overrides["dataset"] = {"confounding": level.confounding}
                if arm != settings.first_arm:
                    overrides["start_from"] = first
                yield _run_name(arm, level, seed), overrides


def _run_name(arm: str, level: LevelSettings, seed: int) -> str:
    place = "" if level.percent is None else f"-c{level.percent}"
    return f"{arm}{place}-s{seed}"
