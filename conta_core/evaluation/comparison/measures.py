"""What is compared of a run: the numbers of its summary, each under a name of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conta_core.evaluation.scores.biased_pairs import mean_of_pairs
from conta_core.evaluation.summary_rows import ERRORS

MIOU, IOU, ON_COMPANION = "miou", "iou", "on_companion"
#: IoU of classes with their companions and without, means over the biased pairs -> in words
PAIRS = {
    "pairs_with_companion": "with the companion",
    "pairs_without_companion": "without it",
    "pairs_gap": "gap",
}
#: diagnostics of confounding -> in words, and 1 where higher is better, -1 where lower, 0: neither
MECHANISM = {
    "far_own_context": ("far false positives on the own context, %", -1),
    "far_other_contexts": ("far false positives on other contexts, %", -1),
    "false_positives_on_own_context": ("share of false positives on the own context, %", -1),
    "swap_context_present": ("P(absent class), its context present", -1),
    "swap_context_absent": ("P(absent class), its context absent", 0),
    "swap_difference": ("the difference of the two", -1),
}
#: context reliance of the classifier, on training images -> in words, and as above
RELIANCE = {
    "reliance_before": ("P(class) of images that hold it", 0),
    "reliance_after": ("P(class), its objects filled in", -1),
    "reliance_absent": ("P(class) of images without it", 0),
}


@dataclass(frozen=True)
class Measure:
    """One number that every run has.

    Attributes:
        round: index of the round.
        stage: of :data:`conta_core.workflow.stages.SCORED`.
        split: "train" or "val".
        name: ``miou``, ``iou``, ``on_companion`` or one of
            :data:`~conta_core.evaluation.summary_rows.ERRORS`, :data:`PAIRS`, :data:`MECHANISM`
            and :data:`RELIANCE`.
        of_class: of an ``iou`` or ``on_companion``: the class.
        companion: of an ``on_companion``: the class whose objects it lies on.
    """

    round: int
    stage: str
    split: str
    name: str = MIOU
    of_class: str | None = None
    companion: str | None = None

    @property
    def better(self) -> int:
        """1 where higher values are better, -1 where lower ones are, 0: neither."""
        if self.name == ON_COMPANION or self.name in ERRORS:
            return -1
        if self.name == "pairs_gap":
            return 0
        _, better = {**MECHANISM, **RELIANCE}.get(self.name, ("", 1))
        return better

    @property
    def is_of_every_level(self) -> bool:
        """Whether levels can be compared: at another confounding other classes are pairs."""
        return self.name not in PAIRS

    @property
    def digits(self) -> int:
        """Decimals in a table: of a probability or ratio more than of percent."""
        if self.name == "confusion_ratio":
            return 2
        return 3 if self.name.startswith(("swap_", "reliance_")) else 1


def read_measures(summary: Mapping[str, Any]) -> dict[Measure, float]:
    """The numbers of a run.

    Args:
        summary: content of summary.json.

    Returns:
        mIoU, IoU, errors, shares on companions, biased pairs and the diagnostics, less those
        that are null.
    """
    return {measure: value for measure, value in _numbers(summary) if value is not None}


def _numbers(summary: Mapping[str, Any]) -> Iterator[tuple[Measure, float | None]]:
    for row in summary["scores"]:
        place = (row["round"], row["stage"], row["split"])
        yield Measure(*place), row["miou"]
        for name, value in row["iou"].items():
            yield Measure(*place, IOU, name), value
        for name, value in row.get("means", {}).get("all", {}).items():
            if name in ERRORS:
                yield Measure(*place, name), value
        if row.get("pairs"):
            for name, value in mean_of_pairs(row["pairs"]).items():
                yield Measure(*place, f"pairs_{name}"), value
        for name, shares in row.get("on_companions", {}).items():
            for companion, value in shares.items():
                yield Measure(*place, ON_COMPANION, name, companion), value
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
    for row in summary.get("reliance", []):
        for name in ("before", "after", "absent"):
            yield Measure(row["round"], "cam", "train", f"reliance_{name}"), row["mean"][name]
