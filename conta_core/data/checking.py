"""Check a data set without the workflow: what it holds, and everything that is wrong with it."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low
from typing import Any

from conta_core.data.index import inspect_images
from conta_core.data.making import make_what_is_missing
from conta_core.data.manifest import Manifest
from conta_core.data.problems import Problem
from conta_core.data.reading import read_dataset
from conta_core.errors import ContaError, ProblemsError
from conta_core.settings import DatasetSettings

UNTAGGED = "(untagged)"


@dataclass(frozen=True)
class SplitReport:
    """What one list holds.

    Attributes:
        name: how the data set calls the list.
        images: how many it names.
        masks: how many of them have a ground-truth mask.
        tags: class -> images with that tag, every class, and the untagged ones last.
        heights: smallest, median and largest, in pixels; None where no image could be read.
        widths: likewise.
    """

    name: str
    images: int
    masks: int
    tags: dict[str, int]
    heights: tuple[int, int, int] | None
    widths: tuple[int, int, int] | None


@dataclass(frozen=True)
class DataReport:
    """A data set, read whole.

    Attributes:
        name: of the data set.
        ground_truth: where its masks come from, or None.
        splits: "train" and "val" -> what they hold; empty where lists or tags are unreadable.
        problems: all of them, in the order found.
        warnings: what is doubtful and stops no run, in the order found.
        manifest: of what could be read; None where lists or tags are unreadable.
    """

    name: str
    ground_truth: str | None
    splits: dict[str, SplitReport] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    manifest: Manifest | None = None

    def by_kind(self) -> dict[str, list[str]]:
        """The problems' texts by their kind."""
        kinds: dict[str, list[str]] = {}
        for problem in self.problems:
            kinds.setdefault(problem.kind, []).append(problem.text)
        return kinds

    def as_json(self, limit: int) -> dict[str, Any]:
        """Plain values; of each kind of problem its count and the first texts, up to a limit."""
        return {
            "name": self.name,
            "ground_truth": self.ground_truth,
            "splits": {
                kind: {
                    "list": split.name,
                    "images": split.images,
                    "masks": split.masks,
                    "tags": split.tags,
                    "heights": _named(split.heights),
                    "widths": _named(split.widths),
                }
                for kind, split in self.splits.items()
            },
            "problems": {
                kind: {"count": len(texts), "first": texts[:limit]}
                for kind, texts in self.by_kind().items()
            },
            "warnings": list(self.warnings),
        }


def check_data(settings: DatasetSettings, *, seed: int = 0, workers: int = 1) -> DataReport:
    """Read every list, tag, image and mask of a data set once.

    What the workflow makes before it reads (context-shapes, COCO's masks) is made in a
    temporary folder.

    Args:
        settings: which data set.
        seed: of context-shapes.
        workers: processes that read.

    Returns:
        The report; problems are in it, none is raised.
    """
    problems: list[Problem] = []
    with _warnings() as warnings, _made(settings, seed, problems) as made:
        try:
            manifest = read_dataset(settings, made, workers, problems)
        except ContaError as error:
            problems.extend(_problems_of(error, "lists and tags"))
            return DataReport(settings.name, None, {}, _once(problems), tuple(warnings))
        manifest, found = inspect_images(
            manifest,
            workers,
            allow_untagged=settings.allow_untagged,
            long_side=settings.longest,
            masks_are_made=made is not None,
        )
    truth = manifest.ground_truth
    splits = {kind: _split_report(manifest, kind) for kind in manifest.lists}
    every = _once([*problems, *found])
    return DataReport(settings.name, truth, splits, every, tuple(warnings), manifest)


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What the readers and checks of data sets warn of, for as long as the block lasts."""
    texts: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(record.getMessage())

    data = logging.getLogger("conta_core.data")
    collector, passed_on = Collector(logging.WARNING), data.propagate
    data.addHandler(collector)
    data.propagate = False  # told once, by who asked for the report
    try:
        yield texts
    finally:
        data.removeHandler(collector)
        data.propagate = passed_on


@contextmanager
def _made(settings: DatasetSettings, seed: int, problems: list[Problem]) -> Iterator[str | None]:
    """What a stage makes before index_dataset reads, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="conta-check-") as temporary:
        made = None
        try:
            made = make_what_is_missing(settings, Path(temporary, "made"), seed)
        except ContaError as error:
            problems.extend(_problems_of(error, "annotations"))
        yield made


def _problems_of(error: ContaError, kind: str) -> list[Problem]:
    texts = error.problems if isinstance(error, ProblemsError) else (str(error),)
    return [Problem(kind, text) for text in texts]


def _once(problems: list[Problem]) -> tuple[Problem, ...]:
    """Each text once: two readers of one file say the same."""
    return tuple({problem.text: problem for problem in problems}.values())


def _split_report(manifest: Manifest, kind: str) -> SplitReport:
    records = [manifest.images[i] for i in manifest.lists[kind]]
    tags = Counter(tag for record in records for tag in record.tags or (UNTAGGED,))
    readable = [record for record in records if record.height]
    return SplitReport(
        name=manifest.list_names[kind],
        images=len(records),
        masks=sum(record.mask is not None for record in records),
        tags={name: tags[name] for name in (*manifest.classes, UNTAGGED)},
        heights=_spread([record.height for record in readable]),
        widths=_spread([record.width for record in readable]),
    )


def _spread(values: list[int]) -> tuple[int, int, int] | None:
    return (min(values), median_low(values), max(values)) if values else None


def _named(spread: tuple[int, int, int] | None) -> dict[str, int] | None:
    return None if spread is None else dict(zip(("min", "median", "max"), spread, strict=True))
