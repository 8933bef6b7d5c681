"""The arms of a comparison, level by level, number by number."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from conta_core.evaluation.comparison.design import Design
from conta_core.evaluation.comparison.measures import Measure
from conta_core.evaluation.comparison.samples import (
    Difference,
    Estimate,
    estimate,
    paired_difference,
    share_undone,
    stands_out,
)

#: a level of confounding, 0..1, or None
Level = float | None
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class ArmResult:
    """One number of one arm at one level.

    Attributes:
        values: seed -> value.
        estimate: over the seeds.
        difference: to the first arm, within pairs; None: of the first arm.
        damage: the first arm at the least confounding less the first arm here; None at that level,
            and of what the levels do not share.
        undone: share of the damage that the arm undoes; None where no damage stands out.
    """

    values: dict[int, float]
    estimate: Estimate
    difference: Difference | None = None
    damage: float | None = None
    undone: float | None = None


@dataclass(frozen=True)
class TimeResult:
    """Seconds of training of one arm in one round at one level.

    Attributes:
        seconds: over the seeds.
        ratio: to the first arm, within pairs; None: of the first arm, or none is known.
    """

    seconds: Estimate
    ratio: Estimate | None


def compare_arms(
    design: Design, values: Mapping[str, Mapping[Measure, float]]
) -> dict[tuple[Level, Measure, str], ArmResult]:
    """Every number of every arm.

    Args:
        design: the runs.
        values: run -> its numbers.

    Returns:
        level, measure and arm -> what the seeds say together, in that order.
    """
    measures = list(dict.fromkeys(m for member in design.members for m in values[member.run]))
    first = design.first_arm
    samples = {
        (level, measure, arm): found
        for level in design.levels
        for measure in measures
        for arm in design.arms_at(level)
        if (found := _by_seed(design, values, level, measure, arm))
    }
    known = [level for level in design.levels if level is not None]
    least = min(known, default=None)
    results = {}
    for (level, measure, arm), found in samples.items():
        mean = estimate([*found.values()])
        assert mean is not None
        reference = samples.get((level, measure, first), {})
        difference = None if arm == first else paired_difference(found, reference)
        damage = undone = None
        best = estimate([*samples.get((least, measure, first), {}).values()])
        here = estimate([*reference.values()])
        if measure.is_of_every_level and level not in (None, least) and best and here:
            damage = best.mean - here.mean
            if difference is not None and stands_out(best, here):
                undone = share_undone(difference.mean, damage, measure.better)
        results[level, measure, arm] = ArmResult(found, mean, difference, damage, undone)
    return results


def compare_times(
    design: Design, seconds: Mapping[str, Mapping[int, float]]
) -> dict[tuple[Level, int, str], TimeResult]:
    """Seconds by arm and round, and their ratio to the first arm.

    Args:
        design: the runs.
        seconds: run -> round -> seconds, as far as they were noted.

    Returns:
        level, round and arm -> what the seeds say together, without round 0, which is shared.
    """
    rounds = sorted({index for found in seconds.values() for index in found if index > 0})
    results = {}
    for level in design.levels:
        for index in rounds:
            reference = _by_seed(design, seconds, level, index, design.first_arm)
            for arm in design.arms_at(level):
                found = _by_seed(design, seconds, level, index, arm)
                mean = estimate([*found.values()])
                ratios = [found[s] / reference[s] for s in found if reference.get(s)]
                if mean is not None:
                    ratio = None if arm == design.first_arm else estimate(ratios)
                    results[level, index, arm] = TimeResult(mean, ratio)
    return results


def _by_seed(
    design: Design, numbers: Mapping[str, Mapping[Key, float]], level: Level, key: Key, arm: str
) -> dict[int, float]:
    """Seed -> a number of the runs of an arm at a level that have it."""
    return {
        m.seed: numbers[m.run][key]
        for m in design.members
        if (m.confounding, m.arm) == (level, arm) and key in numbers.get(m.run, {})
    }
