"""Means over seeds, differences within pairs and their intervals, shares of damage undone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conta_core.evaluation.comparison.student_t import quantile

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Attributes:
        mean: in the unit of the values.
        standard_error: deviation (n - 1) over the root of n; None: a single value has none.
        count: n.
    """

    mean: float
    standard_error: float | None
    count: int


@dataclass(frozen=True)
class Difference:
    """The mean difference within pairs.

    Attributes:
        mean: in the unit of the values.
        low: end of the 95 % t-interval; None: a single pair has none.
        high: the other end.
        pairs: how many.
    """

    mean: float
    low: float | None
    high: float | None
    pairs: int

    @property
    def excludes_zero(self) -> bool | None:
        """Whether the interval does; None: there is none."""
        if self.low is None or self.high is None:
            return None
        return self.low > 0 or self.high < 0


def estimate(values: Sequence[float]) -> Estimate | None:
    """Mean and standard error; None of no values."""
    count = len(values)
    if not count:
        return None
    mean = math.fsum(values) / count
    if count == 1:
        return Estimate(mean, None, 1)
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return Estimate(mean, math.sqrt(variance / count), count)


def paired_difference(
    values: Mapping[int, float], reference: Mapping[int, float]
) -> Difference | None:
    """The difference of two arms over the seeds that both have; None where they share none.

    Args:
        values: seed -> value of the arm.
        reference: seed -> value of the arm that it is compared with.
    """
    found = estimate([values[seed] - reference[seed] for seed in values if seed in reference])
    if found is None:
        return None
    if found.standard_error is None:
        return Difference(found.mean, None, None, 1)
    half = quantile(CONFIDENCE, found.count - 1) * found.standard_error
    return Difference(found.mean, found.mean - half, found.mean + half, found.count)


def stands_out(one: Estimate, other: Estimate) -> bool:
    """Whether two means differ by more than twice the standard error of their difference.

    A single value has no standard error, and counts as exact.
    """
    error = math.hypot(one.standard_error or 0.0, other.standard_error or 0.0)
    return abs(one.mean - other.mean) > 2 * error


def share_undone(difference: float, damage: float, better: int) -> float | None:
    """The share of a damage that a difference undoes.

    Args:
        difference: of an arm to the first arm, where there is confounding.
        damage: the first arm with the least confounding less the first arm here.
        better: 1 where higher values are better, -1 where lower ones are.

    Returns:
        1 where all is undone, below 0 where the arm adds to it; None where there is no damage.
    """
    return difference / damage if damage * better > 0 else None
