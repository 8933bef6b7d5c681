"""Two scores files, or two summaries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conta_core.evaluation.scores.score_files import read_scores
from conta_core.evaluation.summary import read_summary
from conta_core.tools.diff.comparison import (
    ClassChange,
    Pair,
    ScoreChange,
    ScoreComparison,
    by_loss,
)


def compare_scores(a: Path, b: Path) -> ScoreComparison:
    """Compare two scores files, list by list; run, round and stage may differ.

    Raises:
        ContaError: one of them is no scores file.
    """
    one, two = read_scores(a), read_scores(b)
    entries = one["lists"], two["lists"]
    names = ("round", "stage")
    shown = {n: _either(one[n], two[n]) for n in names}
    rows = [
        _row(shown["round"], shown["stage"], split, entries[0][split], entries[1][split])
        for split in entries[0]
        if split in entries[1]
    ]
    about = [Pair(n, one[n], two[n]) for n in ("run", "round", "stage") if one[n] != two[n]]
    for split in entries[0]:
        if split in entries[1]:
            about += _about(split, entries[0][split], entries[1][split])
    return ScoreComparison(
        what="scores",
        about=about,
        equal=_numbers(one) == _numbers(two),
        rows=rows,
        only_a=[split for split in entries[0] if split not in entries[1]],
        only_b=[split for split in entries[1] if split not in entries[0]],
    )


def compare_summaries(a: Path, b: Path) -> ScoreComparison:
    """Compare two summaries, round by round, stage by stage, list by list.

    Raises:
        ContaError: one of them is no summary.
    """
    one, two = read_summary(a), read_summary(b)
    rows_a, rows_b = _by_place(one), _by_place(two)
    rows = [
        _row(str(place[0]), place[1], place[2], entry, rows_b[place])
        for place, entry in rows_a.items()
        if place in rows_b
    ]
    names = ("run", "rounds", "dataset", "ground_truth", "classes")
    return ScoreComparison(
        what="summaries",
        about=[Pair(n, one[n], two[n]) for n in names if one[n] != two[n]],
        equal=all(one[n] == two[n] for n in ("rounds", "classes", "scores", "confounding")),
        rows=rows,
        only_a=[_words(place) for place in rows_a if place not in rows_b],
        only_b=[_words(place) for place in rows_b if place not in rows_a],
    )


def _numbers(scores: Mapping[str, Any]) -> tuple[Any, Any]:
    return scores["lists"], scores.get("confounding")


def _by_place(summary: Mapping[str, Any]) -> dict[tuple[int, str, str], Mapping[str, Any]]:
    return {(row["round"], row["stage"], row["split"]): row for row in summary["scores"]}


def _words(place: tuple[int, str, str]) -> str:
    return "round {} {} {}".format(*place)


def _either(a: Any, b: Any) -> str:
    return str(a) if a == b else f"{a} and {b}"


def _row(
    round_: str, stage: str, split: str, a: Mapping[str, Any], b: Mapping[str, Any]
) -> ScoreChange:
    names = dict.fromkeys([*a["iou"], *b["iou"]])
    classes = [ClassChange(name, a["iou"].get(name), b["iou"].get(name)) for name in names]
    miou = ClassChange("mIoU", a["miou"], b["miou"])
    return ScoreChange(round_, stage, split, miou, by_loss(classes))


def _about(split: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Pair]:
    """What the numbers of a list are of, where it differs."""
    pairs = [
        Pair(f"{split}: {name}", a.get(name), b.get(name))
        for name in ("list", "ground_truth", "images")
    ]
    thresholds = [(entry.get("threshold") or {}).get("value") for entry in (a, b)]
    pairs.append(Pair(f"{split}: threshold", *thresholds))
    return [pair for pair in pairs if pair.a != pair.b]
