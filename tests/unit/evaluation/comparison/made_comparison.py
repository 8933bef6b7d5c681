"""Summaries of a comparison, made up, from numbers drawn by chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from conta_core.evaluation.comparison.design import Design
from conta_core.settings.comparison import ComparedRun

CLASSES = ["cat", "d|g"]
PLACES = (
    ("cam", "train"),
    ("cam", "val"),
    ("refined", "train"),
    ("pseudo_masks", "train"),
    ("segmentation", "train"),
    ("segmentation", "val"),
    ("segmentation_crf", "val"),
)
#: level -> number of seeds, arms
LEVELS: dict[float, tuple[int, tuple[str, ...]]] = {
    0.9: (4, ("control", "conta", "third")),
    0.5: (1, ("control", "conta")),
    0.0: (3, ("control", "conta")),
}


def make_members(levels: dict[float, tuple[int, tuple[str, ...]]] | None = None) -> Design:
    members = tuple(
        ComparedRun(
            f"{arm}-c{100 * level:.0f}-s{seed}",
            arm,
            level,
            seed,
            None if arm == "control" else f"control-c{100 * level:.0f}-s{seed}",
        )
        for level, (seeds, arms) in (LEVELS if levels is None else levels).items()
        for seed in range(seeds)
        for arm in arms
    )
    arms = {"control": {"context": {"method": "none"}}, "conta": {}, "third": {"rounds": 3}}
    return Design("made", arms, members)


def make_summary(member: ComparedRun, rounds: int = 3, **changes: Any) -> dict[str, Any]:
    """Round 0 is the same in all arms; conta gains 5 and the confounding takes 20."""
    scores, confounding = [], []
    for index in range(rounds):
        for place, (stage, split) in enumerate(PLACES):
            key = [round(100 * (member.confounding or 0)), member.seed, index, place]
            rng = np.random.default_rng([*key, len(member.arm) if index else 0])
            miou = 60 - 20 * (member.confounding or 0) + float(rng.normal())
            miou += 5 if member.arm == "conta" and index else 0
            iou = {"background": 90.0, "cat": miou + 1, "d|g": None}
            about = {"round": index, "stage": stage, "split": split}
            scores.append({**about, "images": 3, "miou": miou, "iou": iou})
            means = {"iou": miou, "fpr": 90 - miou, "fnr": 10.0, "confusion_ratio": None}
            if stage == "segmentation":
                means["confusion_ratio"] = miou / 50
                subsets = {"with_companion": miou + 2, "without_companion": miou / 2}
                pair = {
                    name: {"images": 9, "iou": value, "fpr": 1.0, "fnr": 2.0}
                    for name, value in subsets.items()
                }
                scores[-1]["pairs"] = [{"class": "cat", "companion": "d|g", "share": 50.0, **pair}]
            if stage != "segmentation_crf":  # as if it were of older code
                scores[-1]["means"] = {"all": means, "foreground": {**means, "fnr": 99.0}}
            if stage == "cam":
                scores[-1]["on_companions"] = {"cat": {"d|g": miou / 5}}
            if split != "val" or stage == "segmentation_crf":
                continue
            row = {
                **about,
                "far_false_positives": {"own_context": miou / 10, "other_contexts": 1.5},
                "false_positives_on_own_context": None if stage == "cam" else 40.0,
            }
            if stage == "cam":
                swap = {"context_present": miou / 100, "context_absent": 0.125}
                row["swap_test"] = swap
            confounding.append(row)
    reliance = [
        {
            "round": index,
            "list": "train_list",
            "images": 3,
            "classes": {},
            "mean": {"images": 3, "before": 0.75, "after": 0.5 - index / 8, "absent": 0.125},
        }
        for index in range(rounds)
    ]
    lists = {name: {"name": f"{name}_list", "images": 3} for name in ("train", "val")}
    return {
        "format": "conta-summary",
        "format_version": 1,
        "run": member.run,
        "rounds": rounds,
        "dataset": "set",
        "ground_truth": "masks",
        "classes": CLASSES,
        "lists": lists,
        "scores": scores,
        "confounding": confounding,
        "reliance": reliance,
        **changes,
    }


def make_summaries(design: Design) -> dict[str, dict[str, Any]]:
    return {member.run: make_summary(member) for member in design.members}
