"""All that a comparison found, and its comparison.json."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from conta_core.errors import ContaError
from conta_core.evaluation.comparison.arms import (
    ArmResult,
    Level,
    TimeResult,
    compare_arms,
    compare_times,
)
from conta_core.evaluation.comparison.design import Design
from conta_core.evaluation.comparison.measures import (
    IOU,
    MECHANISM,
    MIOU,
    ON_COMPANION,
    PAIRS,
    RELIANCE,
    Measure,
    read_measures,
)
from conta_core.evaluation.summary_rows import ERRORS, LISTS
from conta_core.storage.json_files import write_json

FORMAT = "conta-comparison"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Results:
    """What a comparison found.

    Attributes:
        design: the runs.
        rounds: so many rounds every run has; the last of them is what the tables begin with.
        data: data set, classes and lists, as the summaries have them.
        arms: level, measure and arm -> what the seeds say together.
        times: level, round and arm -> seconds of train_cam.
    """

    design: Design
    rounds: int
    data: dict[str, Any]
    arms: dict[tuple[Level, Measure, str], ArmResult]
    times: dict[tuple[Level, int, str], TimeResult]

    def seeds_at(self, level: Level) -> int:
        """How many pairs a level has."""
        return len({m.seed for m in self.design.members if m.confounding == level})


def gather_results(
    design: Design,
    summaries: Mapping[str, Mapping[str, Any]],
    seconds: Mapping[str, Mapping[int, float]],
) -> Results:
    """Bring the runs together.

    Args:
        design: the runs.
        summaries: run -> content of its summary.json.
        seconds: run -> round -> seconds of train_cam, as far as they were noted.

    Raises:
        ContaError: a summary is of another run, or has other classes.
    """
    first = summaries[design.members[0].run]
    for run, summary in summaries.items():
        if summary["run"] != run or summary["classes"] != first["classes"]:
            raise ContaError(
                f"summary of run {summary['run']} with the classes {summary['classes']}; expected "
                f"run {run} with {first['classes']}: delete it and let the workflow make it again"
            )
    rounds = min(summary["rounds"] for summary in summaries.values())
    values = {
        run: {m: value for m, value in read_measures(summary).items() if m.round < rounds}
        for run, summary in summaries.items()
    }
    return Results(
        design,
        rounds,
        {
            "dataset": first["dataset"],
            "classes": first["classes"],
            "lists": {name: first["lists"][name]["name"] for name in LISTS},
        },
        compare_arms(design, values),
        compare_times(design, seconds),
    )


def write_results(path: str | os.PathLike[str], results: Results) -> None:
    """Write comparison.json, a row a level, number and arm."""
    write_json(path, as_content(results))


def as_content(results: Results) -> dict[str, Any]:
    """What stands in comparison.json; numbers have 6 decimals."""
    rows = list(_rows(results))
    design = results.design
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **design.as_values(),
        "first_arm": design.first_arm,
        "rounds": results.rounds,
        **results.data,
        "scores": [row for row in rows if row["measure"] == MIOU],
        "class_scores": [row for row in rows if row["measure"] == IOU],
        "errors": [row for row in rows if row["measure"] in ERRORS],
        "pairs": [row for row in rows if row["measure"] in PAIRS],
        "on_companions": [row for row in rows if row["measure"] == ON_COMPANION],
        "mechanism": [row for row in rows if row["measure"] in MECHANISM],
        "reliance": [row for row in rows if row["measure"] in RELIANCE],
        "train_cam_seconds": [
            {
                "confounding": level,
                "round": index,
                "arm": arm,
                **_plain(asdict(found.seconds)),
                "ratio": None if found.ratio is None else _plain(asdict(found.ratio)),
            }
            for (level, index, arm), found in results.times.items()
        ],
    }


def _rows(results: Results) -> Iterator[dict[str, Any]]:
    for (level, measure, arm), found in results.arms.items():
        difference = found.difference
        row = {
            "confounding": level,
            "round": measure.round,
            "stage": measure.stage,
            "split": measure.split,
            "measure": measure.name,
            **({} if measure.of_class is None else {"class": measure.of_class}),
            **({} if measure.companion is None else {"companion": measure.companion}),
            "arm": arm,
            **_plain(asdict(found.estimate)),
            "values": {str(seed): round(value, 6) for seed, value in found.values.items()},
            "difference": None,
            "damage": found.damage,
            "undone": found.undone,
        }
        if difference is not None:
            excludes = difference.excludes_zero
            row["difference"] = {**_plain(asdict(difference)), "excludes_zero": excludes}
        yield _plain(row)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with 6 decimals."""
    return {k: round(v, 6) if isinstance(v, float) else v for k, v in values.items()}
