"""The tables of a comparison as text, for Markdown and for the page alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from conta_core.evaluation.comparison.arms import ArmResult, Level
from conta_core.evaluation.comparison.cells import (
    damage_cell,
    difference_cell,
    mean_cell,
    share_cell,
)
from conta_core.evaluation.comparison.measures import (
    IOU,
    MECHANISM,
    ON_COMPANION,
    PAIRS,
    RELIANCE,
    Measure,
)
from conta_core.evaluation.comparison.results import Results
from conta_core.evaluation.report.pieces import Table
from conta_core.evaluation.summary_rows import ERRORS, LISTS
from conta_core.settings.base import leaves
from conta_core.workflow.stages import SCORED as STAGE_TITLES

#: the scores that the tables show, in order: stage and list
SCORED = (
    ("cam", "train"),
    ("cam", "val"),
    ("refined", "train"),
    ("pseudo_masks", "train"),
    ("segmentation", "val"),
    ("segmentation_crf", "val"),
)
#: on the validation list, which is unconfounded
DIAGNOSED = (
    *(("cam", name) for name in MECHANISM),
    *(("segmentation", name) for name in list(MECHANISM)[:3]),
)
#: what is shown class by class, and pair by pair
BY_CLASS = (("cam", "val"), ("pseudo_masks", "train"), ("segmentation", "val"))


Part = str | Table


@dataclass(frozen=True)
class Section:
    """Paragraphs and tables under a title."""

    title: str
    parts: list[Part]


def all_sections(results: Results) -> list[Section]:
    """The last round first, then its classes and mechanism, the rounds before, times, arms."""
    last = results.rounds - 1
    sections = []

    def add(title: str, make: Callable[[Results, Level, int], list[Part]], index: int) -> None:
        """A section of every level's parts, if there are any."""
        parts = [part for level in results.design.levels for part in make(results, level, index)]
        if parts:
            sections.append(Section(title, parts))

    if last > 0 or results.design.has_several_round_0:
        add(f"Round {last}, the last: mIoU", _scores, last)
        add(f"Round {last}: FPR, FNR and confusion ratio", _errors, last)
        add(f"Round {last}: IoU by class", _by_class, last)
        add(f"Round {last}: classes with their companions and without", _pairs, last)
        add(f"Round {last}: classes on their companions", _on_companions, last)
        add(f"Round {last}: confounding", _mechanism, last)
        add(f"Round {last}: context reliance", _reliance, last)
    for index in range(1, last):
        add(f"Round {index}: mIoU", _scores, index)
    if not results.design.has_several_round_0:
        add("Round 0, shared by all arms: mIoU", _shared, 0)
    elif last > 0:
        add("Round 0: mIoU", _scores, 0)
    if results.times:
        words = "Of train_cam, as the jobs were last run here."
        sections.append(Section("Training time", [words, _times(results)]))
    sections.append(Section("Arms", [_arms(results)]))
    return sections


def level_words(level: Level) -> str:
    """A level for a caption."""
    return "" if level is None else f"confounding {level:g}: "


def list_words(stage: str, split: str) -> str:
    """A stage and a list for a heading."""
    return f"{STAGE_TITLES[stage]}, {split}"


def _scores(results: Results, level: Level, index: int) -> list[Part]:
    columns = _scored(index)
    return [*_tables(results, level, columns, "mIoU"), *_undone(results, level, columns)]


def _scored(index: int) -> dict[str, Measure]:
    return {list_words(stage, split): Measure(index, stage, split) for stage, split in SCORED}


def _mechanism(results: Results, level: Level, index: int) -> list[Part]:
    columns = {
        f"{STAGE_TITLES[stage]}: {MECHANISM[name][0]}": Measure(index, stage, "val", name)
        for stage, name in DIAGNOSED
    }
    return _tables(results, level, columns, LISTS["val"])


def _reliance(results: Results, level: Level, index: int) -> list[Part]:
    columns = {words: Measure(index, "cam", "train", name) for name, (words, _) in RELIANCE.items()}
    return _tables(results, level, columns, LISTS["train"])


def _by_class(results: Results, level: Level, index: int) -> list[Part]:
    parts: list[Part] = []
    for stage, split in BY_CLASS:
        rows = {
            name: Measure(index, stage, split, IOU, name)
            for name in ("background", *results.data["classes"])
        }
        parts += _rows(results, level, rows, f"{list_words(stage, split)}, IoU of", "class")
    return parts


def _errors(results: Results, level: Level, index: int) -> list[Part]:
    rows = _at_places(index, ERRORS)
    return _rows(
        results,
        level,
        rows,
        "FPR and FNR in percent of the union, means over labels",
        "score and error",
    )


def _pairs(results: Results, level: Level, index: int) -> list[Part]:
    rows = _at_places(index, PAIRS)
    return _rows(results, level, rows, "IoU, means over the biased pairs", "score and images")


def _at_places(index: int, names: Mapping[str, str]) -> dict[str, Measure]:
    """In words: each of these measures of each stage and list of :data:`BY_CLASS`."""
    return {
        f"{list_words(stage, split)}: {words}": Measure(index, stage, split, name)
        for stage, split in BY_CLASS
        for name, words in names.items()
    }


def _on_companions(results: Results, level: Level, index: int) -> list[Part]:
    parts: list[Part] = []
    for stage, split in BY_CLASS:
        rows = {
            f"{m.of_class} on {m.companion}": m
            for _, m, _ in results.arms
            if (m.round, m.stage, m.split, m.name) == (index, stage, split, ON_COMPANION)
        }
        what = f"{list_words(stage, split)}, percent of a class's pixels that lie on its companion"
        parts += _rows(results, level, rows, what, "class and companion")
    return parts


def _shared(results: Results, level: Level, index: int) -> list[Part]:
    caption = f"{level_words(level)}{_over_seeds(results, level)}"
    return _table(results, level, _scored(index), [results.design.first_arm], caption, mean_cell)


def _tables(
    results: Results, level: Level, columns: Mapping[str, Measure], what: str
) -> list[Part]:
    """Means of every arm, and differences of the others to the first."""
    arms = results.design.arms_at(level)
    caption = f"{level_words(level)}{what}, {_over_seeds(results, level)}"
    means = _table(results, level, columns, arms, caption, mean_cell)
    interval = _interval(results, level)
    caption = f"{level_words(level)}{what}, difference to {results.design.first_arm}, {interval}"
    return means + _table(results, level, columns, arms[1:], caption, difference_cell)


def _rows(
    results: Results, level: Level, measures: Mapping[str, Measure], what: str, head: str
) -> list[Part]:
    """A row a measure: the first arm's mean, and the differences of the others to it."""
    first, *others = results.design.arms_at(level)
    rows = [[head, first, *(f"{arm} less {first}" for arm in others)]]
    for words, measure in measures.items():
        found = [results.arms.get((level, measure, arm)) for arm in (first, *others)]
        if any(found):
            cells = zip(found, (mean_cell, *(difference_cell for _ in others)), strict=True)
            told = ["-" if one is None else cell(one, measure.digits) for one, cell in cells]
            rows.append([words, *told])
    if len(rows) == 1:
        return []
    caption = f"{level_words(level)}{what}; {_over_seeds(results, level)}"
    return [Table(f"{caption}, and {_interval(results, level)}", rows)]


def _undone(results: Results, level: Level, columns: Mapping[str, Measure]) -> list[Part]:
    first, *others = results.design.arms_at(level)
    found = _table(results, level, columns, others, "", share_cell)
    if not any(cell not in ("-", "") for table in found for row in _body(table) for cell in row):
        return []
    damage = _table(results, level, columns, [first], "", damage_cell)
    rows = [["damage, mIoU", *row[1:]] for table in damage for row in _body(table, whole=True)]
    (table,) = (table for table in found if isinstance(table, Table))
    least = min(level for level in results.design.levels if level is not None)
    caption = (
        f"{level_words(level)}share of the damage that an arm undoes; the damage is "
        f"{first} at confounding {least:g} less {first} here"
    )
    return [Table(caption, [table.rows[0], *rows, *table.rows[1:]])]


def _body(part: Part, whole: bool = False) -> Iterator[Sequence[str]]:
    if isinstance(part, Table):
        yield from (row if whole else row[1:] for row in part.rows[1:])


def _table(
    results: Results,
    level: Level,
    columns: Mapping[str, Measure],
    arms: Sequence[str],
    caption: str,
    cell: Callable[[ArmResult, int], str],
) -> list[Part]:
    """A row an arm, a column a measure that some arm has; nothing where there is none."""
    known = {
        words: measure
        for words, measure in columns.items()
        if any((level, measure, arm) in results.arms for arm in arms)
    }
    if not known:
        return []
    rows = [["arm", *known]]
    for arm in arms:
        found = [(results.arms.get((level, m, arm)), m.digits) for m in known.values()]
        rows.append([arm, *("-" if one is None else cell(one, digits) for one, digits in found)])
    return [Table(caption, rows)]


def _interval(results: Results, level: Level) -> str:
    pairs = results.seeds_at(level)
    if pairs == 1:
        return "one pair, so no interval: it says nothing about chance"
    return f"95 % t-intervals, {pairs} pairs; * where the interval excludes 0"


def _over_seeds(results: Results, level: Level) -> str:
    seeds = results.seeds_at(level)
    return f"mean ± standard error over {seeds} seeds" if seeds > 1 else "one seed, so no error"


def _times(results: Results) -> Table:
    rows = [["confounding", "round", "arm", "seconds", "of the first arm's"]]
    for (level, index, arm), found in results.times.items():
        ratio = found.ratio
        error = "" if ratio is None or ratio.standard_error is None else ratio.standard_error
        told = "-" if ratio is None else f"{ratio.mean:.2f}"
        told += f" ± {error:.2f}" if isinstance(error, float) else ""
        place = ["-" if level is None else f"{level:g}", str(index), arm]
        rows.append([*place, f"{found.seconds.mean:.1f}", told])
    return Table("seconds of train_cam, mean over seeds", rows)


def _arms(results: Results) -> Table:
    rows = [["arm", "overrides"]]
    for arm, overrides in results.design.arms.items():
        told = ", ".join(f"{k}: {json.dumps(v, ensure_ascii=False)}" for k, v in leaves(overrides))
        rows.append([arm, told or "none"])
    return Table("what each arm overrides", rows)
