"""Properties of the json files of scores: of a stage, of the context reliance, of a whole run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conta_core.evaluation.reliance import read_reliance
from conta_core.evaluation.scores.biased_pairs import SUBSETS
from conta_core.evaluation.scores.score_files import read_scores
from conta_core.evaluation.summary import read_summary
from conta_core.evaluation.summary_rows import ERRORS, LISTS, MEANS, score_rows, scored_stages
from conta_core.tools.inspect.properties import Property
from conta_core.workflow.stages import SCORED


def describe_scores(path: Path) -> Iterator[Property]:
    """What a scores json holds."""
    scores = read_scores(path)
    yield Property("what", f"scores of the {SCORED[scores['stage']]} (conta-scores)")
    yield Property("run", scores["run"])
    yield Property("round", scores["round"])
    entries = scores["lists"]
    yield Property("lists", [_entry_row(LISTS[split], entry) for split, entry in entries.items()])
    names = dict.fromkeys(name for entry in entries.values() for name in entry["iou"])
    yield Property(
        "IoU in percent",
        [
            {"class": name, **{LISTS[s]: _two(e["iou"].get(name)) for s, e in entries.items()}}
            for name in names
        ],
    )
    for split, entry in entries.items():
        if "means" in entry:
            yield Property(f"{', '.join(ERRORS.values())}, {LISTS[split]}", _error_rows(entry))
        if "pairs" in entry:
            rows = [_pair_row(pair) for pair in entry["pairs"]]
            yield Property(f"biased pairs, {LISTS[split]}", rows)


def describe_reliance(path: Path) -> Iterator[Property]:
    """What a reliance json holds."""
    content = read_reliance(path)
    yield Property("what", "how far classes hang on context (conta-reliance)")
    yield Property("run", content["run"])
    yield Property("round", content["round"])
    yield Property("list", content["list"], f"{content['images']} images were asked")
    rows = {**content["classes"], "mean": content["mean"]}
    yield Property(
        "P(class)",
        [
            {
                "class": name,
                "images": row["images"],
                "as it is": _two(row["before"]),
                "filled in": _two(row["after"]),
                "without the tag": _two(row["absent"]),
            }
            for name, row in rows.items()
        ],
    )


def describe_summary(path: Path) -> Iterator[Property]:
    """What a summary.json holds."""
    summary = read_summary(path)
    yield Property("what", "summary of a run (conta-summary)")
    yield Property("run", summary["run"])
    yield Property("rounds", summary["rounds"])
    yield Property("data set", summary["dataset"])
    yield Property("ground truth", summary["ground_truth"] or "none")
    yield Property("classes", summary["classes"], str(len(summary["classes"])))
    for split, words in LISTS.items():
        if scored_stages(summary, split):
            heading, *rows = score_rows(summary, split)
            yield Property(
                f"mIoU in percent, {words}", [dict(zip(heading, row, strict=True)) for row in rows]
            )


def _entry_row(split: str, entry: dict[str, Any]) -> dict[str, Any]:
    threshold = entry.get("threshold")
    row = {
        "list": split,
        "name": entry.get("list"),
        "images": entry["images"],
        "mIoU": _two(entry["miou"]),
        "accuracy": _two(entry.get("accuracy")),
        "threshold": threshold["value"] if threshold else None,
    }
    return row | ({"why": entry["why"]} if "why" in entry else {})


def _error_rows(entry: dict[str, Any]) -> list[dict[str, Any]]:
    by_class = {name: {e: entry.get(e, {}).get(name) for e in ERRORS} for name in entry["iou"]}
    means = {words: entry["means"][labels] for labels, words in MEANS.items()}
    return [
        {"class": name, **{words: _two(row[e]) for e, words in ERRORS.items()}}
        for name, row in {**by_class, **means}.items()
    ]


def _pair_row(pair: dict[str, Any]) -> dict[str, Any]:
    row = {"class": pair["class"], "companion": pair["companion"]}
    for subset, words in zip(SUBSETS, ("with", "without"), strict=True):
        row[f"images {words}"] = pair[subset]["images"]
        row[f"IoU {words}"] = _two(pair[subset]["iou"])
    return row


def _two(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
