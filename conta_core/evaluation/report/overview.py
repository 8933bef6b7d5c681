"""The head of the page: what the run is, and its last scores."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from conta_core.evaluation.report.class_scores import gain
from conta_core.evaluation.summary import LISTS, STAGES, find_score, number

#: the list whose score stands for a stage, where the stage is scored on both
MAIN_LIST = {stage: "val" if stage.startswith("segmentation") else "train" for stage in STAGES}


def glance(summary: Mapping[str, Any]) -> list[str]:
    """The run in one sentence, and the last round's mIoU of every stage.

    Args:
        summary: content of summary.json.

    Returns:
        html, piece by piece.
    """
    rounds = summary["rounds"]
    truth = summary["ground_truth"]
    words = (
        f"Data set {summary['dataset']}, {len(summary['classes'])} classes, "
        f"{rounds} {'round' if rounds == 1 else 'rounds'}. "
    )
    tiles = [tile for stage in STAGES if (tile := _tile(summary, stage))]
    if tiles:
        words += f"Ground truth: {truth}. Below: the mIoU of the last round in percent"
        words += ", and its gain over round 0." if rounds > 1 else "."
    else:
        words += (
            "No image has a ground-truth mask, so that there are no scores: the pictures are what "
            "tells how good the masks are."
        )
    parts = [f"<p>{escape(words)}</p>"]
    return [*parts, f"<ul class=tiles>{''.join(tiles)}</ul>"] if tiles else parts


def _tile(summary: Mapping[str, Any], stage: str) -> str | None:
    others = [name for name in LISTS if name != MAIN_LIST[stage]]
    for split in (MAIN_LIST[stage], *others):
        scores = [
            (find_score(summary, i, stage, split) or {}).get("miou")
            for i in range(summary["rounds"])
        ]
        if scores and scores[-1] is not None:
            grown = f" <span class=soft>{gain(scores[0], scores[-1])}</span>"
            return (
                f"<li><span class=soft>{escape(STAGES[stage])}</span><br>"
                f"<strong>{number(scores[-1])}</strong>{grown if len(scores) > 1 else ''}<br>"
                f"<span class=soft>{escape(LISTS[split])}</span></li>"
            )
    return None
