"""The head of the page: what the run is, and its last scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conta_core.evaluation.report.class_scores import gain
from conta_core.evaluation.summary_rows import LISTS, number, over_rounds
from conta_core.workflow.stages import SCORED

#: the list whose score stands for a stage, where the stage is scored on both
MAIN_LIST = {stage: "val" if stage.startswith("segmentation") else "train" for stage in SCORED}


def overview(summary: Mapping[str, Any]) -> dict[str, Any]:
    """What the head of ``report.html`` shows.

    Args:
        summary: content of summary.json.

    Returns:
        plain values; ``tiles`` has the last round's mIoU of every stage that has one.
    """
    return {
        "dataset": summary["dataset"],
        "classes": len(summary["classes"]),
        "rounds": summary["rounds"],
        "ground_truth": summary["ground_truth"],
        "tiles": [tile for stage in SCORED if (tile := _tile(summary, stage))],
    }


def _tile(summary: Mapping[str, Any], stage: str) -> dict[str, str] | None:
    others = [name for name in LISTS if name != MAIN_LIST[stage]]
    for split in (MAIN_LIST[stage], *others):
        scores = [row.get("miou") for row in over_rounds(summary, stage, split)]
        if scores and scores[-1] is not None:
            return {
                "stage": SCORED[stage],
                "miou": number(scores[-1]),
                "gain": gain(scores[0], scores[-1]),
                "list": LISTS[split],
            }
    return None
