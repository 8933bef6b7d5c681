"""What is compared of a run: the numbers of its summary, each under a name of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MIOU, IOU = "miou", "iou"
#: diagnostics of confounding -> in words, and 1 where higher is better, -1 where lower, 0: neither
MECHANISM = {
    "far_own_context": ("far false positives on the own context, %", -1),
    "far_other_contexts": ("far false positives on other contexts, %", -1),
    "false_positives_on_own_context": ("share of false positives on the own context, %", -1),
    "swap_context_present": ("P(absent class), its context present", -1),
    "swap_context_absent": ("P(absent class), its context absent", 0),
    "swap_difference": ("the difference of the two", -1),
}


@dataclass(frozen=True)
class Measure:
    """One number that every run has.

    Attributes:
        round: index of the round.
        stage: of :data:`conta_core.summary.STAGES`.
        split: "train" or "val".
        name: ``miou``, ``iou`` or one of :data:`MECHANISM`.
        of_class: of an ``iou``: the class.
    """

    round: int
    stage: str
    split: str
    name: str = MIOU
    of_class: str | None = None

    @property
    def better(self) -> int:
        """1 where higher values are better, -1 where lower ones are, 0: neither."""
        return MECHANISM[self.name][1] if self.name in MECHANISM else 1

    @property
    def digits(self) -> int:
        """Decimals in a table: of a probability more than of percent."""
        return 3 if self.name.startswith("swap_") else 1


def read_measures(summary: Mapping[str, Any]) -> dict[Measure, float]:
    """The numbers of a run.

    Args:
        summary: content of summary.json.

    Returns:
        mIoU and IoU in percent and the diagnostics, less those that are null.
    """
    return {measure: value for measure, value in _numbers(summary) if value is not None}


def _numbers(summary: Mapping[str, Any]) -> Iterator[tuple[Measure, float | None]]:
    for row in summary["scores"]:
        place = (row["round"], row["stage"], row["split"])
        yield Measure(*place), row["miou"]
        for name, value in row["iou"].items():
            yield Measure(*place, IOU, name), value
    for row in summary["confounding"]:
        place = (row["round"], row["stage"], row["split"])
        for name, value in row["far_false_positives"].items():
            yield Measure(*place, f"far_{name}"), value
        name = "false_positives_on_own_context"
        yield Measure(*place, name), row[name]
        if "swap_test" in row:
            present, absent = (row["swap_test"][f"context_{n}"] for n in ("present", "absent"))
            yield Measure(*place, "swap_context_present"), present
            yield Measure(*place, "swap_context_absent"), absent
            if present is not None and absent is not None:
                yield Measure(*place, "swap_difference"), present - absent
