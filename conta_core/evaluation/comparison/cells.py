"""The cells of a comparison's tables: what one number of one arm says, as text."""

from __future__ import annotations

from conta_core.evaluation.comparison.arms import ArmResult


def mean_cell(one: ArmResult, digits: int) -> str:
    """The mean over seeds and its standard error."""
    found = one.estimate
    error = found.standard_error
    return f"{found.mean:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")


def difference_cell(one: ArmResult, digits: int) -> str:
    """The difference to the first arm and its interval; a dash for the first arm itself."""
    found = one.difference
    if found is None:
        return "-"
    text = _signed(found.mean, digits)
    if found.low is None or found.high is None:
        return text
    mark = " *" if found.excludes_zero else ""
    return f"{text} [{_signed(found.low, digits)}, {_signed(found.high, digits)}]{mark}"


def share_cell(one: ArmResult, _: int) -> str:
    """The share of the damage that the arm undoes; a dash where no damage stands out."""
    return "-" if one.undone is None else f"{round(100 * one.undone):d} %"


def damage_cell(one: ArmResult, digits: int) -> str:
    """The damage; a dash at the least confounding."""
    return "-" if one.damage is None else f"{one.damage:.{digits}f}"


def _signed(value: float, digits: int) -> str:
    # a sum with 0.0 has no negative zero
    return f"{round(value, digits) + 0.0:+.{digits}f}"
