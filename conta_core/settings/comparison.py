"""The key `comparison`: arms, levels of confounding and seeds, of which runs are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, model_validator

from conta_core.settings.base import Fraction, Name, Settings

#: more than anybody waits for
MAX_RUNS = 1000
#: what an arm cannot override: the level and the seed give it, or all runs share it
TAKEN = ("dataset", "seed", "start_from")

#: what neither the data set nor round 0 depends on
FREE = ("rounds", "shards", "context", "start_from")


@dataclass(frozen=True)
class ComparedRun:
    """One run of a comparison.

    Attributes:
        run: its name.
        arm: name of its arm.
        confounding: its level, 0..1; None: that of the config's data set.
        seed: which of the level's seeds; runs of one level and seed are a pair.
        start_from: the run of this level and seed whose round 0 it has; None: its own.
    """

    run: str
    arm: str
    confounding: float | None
    seed: int
    start_from: str | None = None


class LevelSettings(Settings):
    """One level of confounding of a comparison."""

    confounding: Fraction | None = Field(
        None, description="dataset.confounding of its runs, a whole percentage; null: dataset's own"
    )
    seeds: Annotated[int, Field(ge=1, le=MAX_RUNS)] = Field(
        3, description="how many pairs: its runs have the seeds 0, 1, ..."
    )
    arms: tuple[str, ...] | None = Field(
        None, description="the arms at this level, the first arm among them; null: all"
    )

    @property
    def percent(self) -> int | None:
        """The level as it stands in names of runs."""
        return None if self.confounding is None else round(100 * self.confounding)

    @model_validator(mode="after")
    def _whole_percent(self) -> LevelSettings:
        share, percent = self.confounding, self.percent
        if share is not None and percent is not None and abs(100 * share - percent) > 1e-6:
            raise ValueError(
                f"confounding is {self.confounding}; expected a whole percentage such as 0.25, "
                "since names of runs hold it"
            )
        return self


class ComparisonSettings(Settings):
    """Arms that are compared in pairs: the same level of confounding, the same seed."""

    name: Name = Field("comparison", description="of its folder, results/{name}")
    prefix: Name | None = Field(
        None,
        description="begins the names of its runs, <prefix>-<arm>-c<confounding>-s<seed>; "
        "comparisons share the runs of one name, so that other data or base settings need another",
    )
    arms: dict[Name, dict[str, Any]] = Field(
        {"control": {"context": {"method": "none"}}, "conta": {"context": {"method": "conta"}}},
        description="name -> overrides; the others are compared with the first. An arm starts from "
        "the round 0 of the first arm that has the same one",
    )
    levels: tuple[LevelSettings, ...] = Field(
        (LevelSettings(),), description="levels of confounding, each with its seeds and arms"
    )

    @property
    def first_arm(self) -> str:
        """The arm that the others are compared with."""
        return next(iter(self.arms))

    def arms_of(self, level: LevelSettings) -> list[str]:
        """The arms at a level, in the order of ``arms``."""
        return [arm for arm in self.arms if level.arms is None or arm in level.arms]

    def compared_runs(self) -> list[ComparedRun]:
        """All runs, level by level, seed by seed."""
        begin = "" if self.prefix is None else f"{self.prefix}-"
        found = []
        for level in self.levels:
            place = "" if level.percent is None else f"-c{level.percent}"
            for seed in range(level.seeds):
                runs = {arm: f"{begin}{arm}{place}-s{seed}" for arm in self.arms_of(level)}
                for arm, run in runs.items():
                    first = next(other for other in runs if self._same_round_0(arm, other))
                    start = None if first == arm else runs[first]
                    found.append(ComparedRun(run, arm, level.confounding, seed, start))
        return found

    def _same_round_0(self, arm: str, other: str) -> bool:
        """Whether two arms differ in the causal step alone, which no round 0 depends on."""
        both = [
            {key: value for key, value in self.arms[name].items() if key not in FREE}
            for name in (arm, other)
        ]
        return both[0] == both[1]

    def overrides_of(self, one: ComparedRun) -> dict[str, Any]:
        """What ``runs`` would state of one of its runs."""
        overrides = {**self.arms[one.arm], "seed": one.seed}
        if one.confounding is not None:
            overrides["dataset"] = {"confounding": one.confounding}
        if one.start_from is not None:
            overrides["start_from"] = one.start_from
        return overrides

    @model_validator(mode="after")
    def _arms_fit(self) -> ComparisonSettings:
        if len(self.arms) < 2:
            raise ValueError(f"arms are {list(self.arms)}; expected two at least")
        for arm, overrides in self.arms.items():
            taken = [key for key in TAKEN if key in overrides]
            if taken:
                raise ValueError(
                    f"arms.{arm} overrides {', '.join(taken)}, which all arms of a level and seed "
                    "share; leave it out"
                )
        return self

    @model_validator(mode="after")
    def _levels_fit(self) -> ComparisonSettings:
        percents = [level.percent for level in self.levels]
        if not percents or len(set(percents)) < len(percents):
            raise ValueError(
                f"levels have confounding {[level.confounding for level in self.levels]}; expected "
                "one level at least, and each once"
            )
        for place, level in enumerate(self.levels):
            strange = [arm for arm in level.arms or () if arm not in self.arms]
            if strange or self.arms_of(level)[:1] != [self.first_arm]:
                raise ValueError(
                    f"levels.{place}.arms is {list(level.arms or ())}; expected some of "
                    f"{list(self.arms)}, with {self.first_arm!r}"
                )
        count = sum(level.seeds * len(self.arms_of(level)) for level in self.levels)
        if count > MAX_RUNS:
            raise ValueError(f"levels, seeds and arms make {count} runs; the most are {MAX_RUNS}")
        return self
