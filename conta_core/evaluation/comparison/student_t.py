"""Quantiles of Student's t distribution with a whole number of degrees of freedom.

Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4: finite sums.
"""

from __future__ import annotations

import math


def probability_within(t: float, freedom: int) -> float:
    """P(-t <= T <= t).

    Args:
        t: 0 or more.
        freedom: degrees of freedom, 1 or more.
    """
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    term = total = cosine if freedom % 2 else 1.0
    for k in range(2 + freedom % 2, freedom, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    if freedom % 2 == 0:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + (math.sin(angle) * total if freedom > 1 else 0.0))


def quantile(probability: float, freedom: int) -> float:
    """The t with P(-t <= T <= t) = probability, to 12 digits.

    Args:
        probability: of the interval around 0, such as 0.95; 0 up to, not including, 1.
        freedom: degrees of freedom, 1 or more.
    """
    low, high = 0.0, 1.0
    while probability_within(high, freedom) < probability:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (
            (middle, high) if probability_within(middle, freedom) < probability else (low, middle)
        )
    return (low + high) / 2
