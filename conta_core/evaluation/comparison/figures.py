"""The figures of a comparison: differences with their intervals, and means over rounds."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from conta_core.evaluation.comparison.arms import Level
from conta_core.evaluation.comparison.measures import Measure
from conta_core.evaluation.comparison.results import Results
from conta_core.evaluation.comparison.samples import Difference
from conta_core.evaluation.comparison.tables import SCORED, level_words, list_words
from conta_core.evaluation.report.plots import COLOURS, drawn

#: the scores whose course over rounds is drawn
OVER_ROUNDS = (("pseudo_masks", "train"), ("segmentation", "val"))


def plot_differences(results: Results, level: Level, index: int) -> str:
    """Each arm's difference to the first arm, stage by stage, with its 95 % interval.

    Returns:
        html; empty where nothing is scored.
    """
    columns = [
        (stage, split)
        for stage, split in SCORED
        if any(measure == Measure(index, stage, split) for _, measure, _ in results.arms)
    ]
    first, *others = results.design.arms_at(level)
    if not columns or not others:
        return ""

    def draw(axes: Axes) -> None:
        axes.axhline(0, color=COLOURS[0], linewidth=1)
        for place, arm in enumerate(others):
            shift = 0.6 * ((place + 0.5) / len(others) - 0.5)
            known = [
                (i + shift, found.difference.mean, _half_width(found.difference))
                for i, (stage, split) in enumerate(columns)
                if (found := results.arms.get((level, Measure(index, stage, split), arm)))
                and found.difference
            ]
            _draw_errors(axes, known, place + 1, arm, line="")
        axes.set_xticks(range(len(columns)), [_short(*column) for column in columns], fontsize=8)
        axes.set(ylabel=f"mIoU less {first}")

    return drawn(draw, f"{level_words(level)}round {index}, difference to {first}")


def plot_rounds(results: Results, level: Level, stage: str, split: str) -> str:
    """The mean mIoU of each arm over rounds, with its standard error.

    Returns:
        html; empty where nothing is scored.
    """
    arms = results.design.arms_at(level)
    places = [Measure(index, stage, split) for index in range(results.rounds)]
    if not any((level, measure, arm) in results.arms for measure in places for arm in arms):
        return ""

    def draw(axes: Axes) -> None:
        for place, arm in enumerate(arms):
            known = [
                (m.round, found.estimate.mean, found.estimate.standard_error or 0.0)
                for m in places
                if (found := results.arms.get((level, m, arm)))
            ]
            _draw_errors(axes, known, place, arm)
        axes.set_xticks(range(results.rounds))
        axes.set(xlabel="round", ylabel="mIoU, percent")

    return drawn(draw, f"{level_words(level)}{list_words(stage, split)}")


def _draw_errors(
    axes: Axes, points: Sequence[tuple[float, float, float]], place: int, arm: str, line: str = "-"
) -> None:
    """Points of an arm, x, y and half the height of the bar through them, in the arm's colour."""
    if points:
        x, y, half = zip(*points, strict=True)
        look = "osD^v"[place % 5] + line
        axes.errorbar(x, y, half, fmt=look, capsize=3, color=COLOURS[place % 5], label=arm)


def _half_width(difference: Difference) -> float:
    """Of the interval, which lies evenly around the mean; 0 where there is none."""
    return 0.0 if difference.high is None else difference.high - difference.mean


def _short(stage: str, split: str) -> str:
    words = {"pseudo_masks": "pseudo", "segmentation": "segm.", "segmentation_crf": "segm.+CRF"}
    return f"{words.get(stage, stage)}\n{split}"
