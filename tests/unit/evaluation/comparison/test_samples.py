"""The statistics against naive computations and published quantiles."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from conta_core.evaluation.comparison.samples import (
    Estimate,
    estimate,
    paired_difference,
    share_undone,
    stands_out,
)
from conta_core.evaluation.comparison.student_t import probability_within, quantile

#: two-sided 95 %, from the tables that stand in textbooks
TABLE = {
    1: 12.7062,
    2: 4.3027,
    3: 3.1824,
    4: 2.7764,
    5: 2.5706,
    6: 2.4469,
    7: 2.3646,
    8: 2.3060,
    9: 2.2622,
    10: 2.2281,
    20: 2.0860,
    30: 2.0423,
    60: 2.0003,
    120: 1.9799,
}


@pytest.mark.parametrize("freedom", TABLE)
def test_quantiles_of_the_tables(freedom: int) -> None:
    assert quantile(0.95, freedom) == pytest.approx(TABLE[freedom], abs=5e-5)


def test_other_probabilities() -> None:
    assert quantile(0.99, 4) == pytest.approx(4.6041, abs=5e-5)
    assert quantile(0.90, 9) == pytest.approx(1.8331, abs=5e-5)
    assert quantile(0.0, 3) == pytest.approx(0, abs=1e-9)
    assert quantile(0.95, 999) == pytest.approx(statistics.NormalDist().inv_cdf(0.975), abs=3e-3)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 12])
@pytest.mark.parametrize("t", [0.1, 1.0, 2.5, 10.0])
def test_probability_is_the_area_under_the_density(freedom: int, t: float) -> None:
    x, width = np.linspace(-t, t, 200_001, retstep=True)
    log = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    scale = math.exp(log) / math.sqrt(freedom * math.pi)
    density = scale * (1 + x**2 / freedom) ** (-(freedom + 1) / 2)
    area = float((density[1:] + density[:-1]).sum() / 2 * width)
    assert probability_within(t, freedom) == pytest.approx(area, abs=1e-8)


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_estimate(count: int) -> None:
    values = np.random.default_rng(count).normal(50, 3, count).tolist()
    found = estimate(values)
    assert found is not None
    assert found.mean == pytest.approx(np.mean(values))
    assert found.standard_error == pytest.approx(statistics.stdev(values) / math.sqrt(count))
    assert found.count == count


def test_estimate_of_few() -> None:
    assert estimate([]) is None
    one = estimate([3.5])
    assert one is not None
    assert (one.mean, one.standard_error, one.count) == (3.5, None, 1)


def test_paired_difference() -> None:
    """By hand: differences 1, 2, 6; mean 3, deviation sqrt(7), t 4.3027."""
    found = paired_difference({0: 11, 1: 12, 2: 26, 7: 1}, {2: 20, 1: 10, 0: 10, 5: 9})
    assert found is not None
    half = 4.302652729749464 * math.sqrt(7 / 3)
    assert (found.mean, found.pairs) == (pytest.approx(3), 3)
    assert (found.low, found.high) == (pytest.approx(3 - half), pytest.approx(3 + half))
    assert found.excludes_zero is False


def test_interval_excludes_zero() -> None:
    above = paired_difference({0: 1.0, 1: 1.1, 2: 0.9}, {0: 0, 1: 0, 2: 0})
    below = paired_difference({0: -1.0, 1: -1.1, 2: -0.9}, {0: 0, 1: 0, 2: 0})
    equal = paired_difference({0: 4.0, 1: 5.0}, {0: 4.0, 1: 5.0})
    assert [one.excludes_zero for one in (above, below, equal) if one] == [True, True, False]


def test_pairs_that_are_few() -> None:
    one = paired_difference({3: 2.0}, {3: 1.5})
    assert one is not None
    assert (one.mean, one.low, one.high, one.pairs) == (0.5, None, None, 1)
    assert one.excludes_zero is None
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


def test_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    zeros = dict.fromkeys(range(4), 0.0)
    draws = rng.normal(1.0, 2.0, (4000, 4))
    found = [paired_difference(dict(enumerate(row)), zeros) for row in draws.tolist()]
    covered = [one.low < 1.0 < one.high for one in found if one and one.low and one.high]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize(
    ("difference", "damage", "better", "share"),
    [
        (5.0, 20.0, 1, 0.25),
        (-5.0, 20.0, 1, -0.25),
        (5.0, -20.0, 1, None),
        (5.0, 0.0, 1, None),
        (-3.0, -4.0, -1, 0.75),
        (-3.0, 4.0, -1, None),
        (-3.0, 4.0, 0, None),
    ],
)
def test_share_undone(difference: float, damage: float, better: int, share: float | None) -> None:
    assert share_undone(difference, damage, better) == share


@pytest.mark.parametrize(
    ("other", "stands"),
    [
        (Estimate(21.0, 4.0, 3), True),  # errors of 3 and 4: 5 of the difference, twice is 10
        (Estimate(-1.0, 4.0, 3), True),
        (Estimate(19.0, 4.0, 3), False),
        (Estimate(17.0, None, 1), True),
        (Estimate(15.0, None, 1), False),
    ],
)
def test_a_damage_stands_out_of_its_error(other: Estimate, stands: bool) -> None:
    assert stands_out(Estimate(10.0, 3.0, 5), other) == stands
    assert stands_out(other, Estimate(10.0, 3.0, 5)) == stands
