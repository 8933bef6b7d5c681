"""``conta diff``: which images differ between two files, rounds or runs, and by how much."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from conta_core.errors import ContaError
from conta_core.tools.cli.properties import as_text, show, table

if TYPE_CHECKING:
    from conta_core.tools.diff.comparison import (
        ClassChange,
        Comparison,
        FolderComparison,
        ImageComparison,
        ScoreChange,
        ScoreComparison,
    )

#: what --exit-code ends with where A and B differ; 1 is an error and 2 a wrong call
DIFFERENT = 3


def diff(
    a: Annotated[
        Path,
        typer.Argument(
            metavar="A",
            help="a store, a pseudo_masks folder, a scores json, a summary.json, the folder of a "
            "round or of a run",
        ),
    ],
    b: Annotated[Path, typer.Argument(metavar="B", help="another of the same kind")],
    top: Annotated[int, typer.Option(min=0, help="how many of the most changed images")] = 10,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PICTURE.png",
            help="draw the most changed images: A, B and where they differ (stores with images, "
            "pseudo_masks folders)",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DATASET.json", help="draw the photographs too: the manifest of the run"
        ),
    ] = None,
    scores_only: Annotated[
        bool, typer.Option("--scores", help="of rounds and runs compare the scores alone")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help=f"end with status {DIFFERENT} where they differ")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, for programs")] = False,
) -> None:
    """Say which images differ between A and B and by how much, and which classes gained and lost.

    Ends with status 0, whether they differ or not (with --exit-code: 3 where they differ), and
    with 1 on an error. Two stores are equal where they hold the same images with the same arrays;
    the run, round and settings that they name may differ. Changes are those from A to B.
    """
    # only here: `conta --help` must not wait for HDF5
    from conta_core.tools.diff.compare import compare

    if data is not None and output is None:
        raise typer.BadParameter("--data is for the picture of -o")
    found = compare(a, b, scores_only=scores_only, track=_track)
    if output is not None:
        _draw(found, a, b, output, top, data)
    if as_json:
        typer.echo(json.dumps(found.as_json(top), indent=1))
    else:
        _show(found, top, Console())
        if output is not None:
            typer.echo(f"picture: {output}")
    if exit_code and not found.equal:
        raise typer.Exit(DIFFERENT)


def _draw(found: Comparison, a: Path, b: Path, output: Path, top: int, data: Path | None) -> None:
    from conta_core.data.manifest import Manifest
    from conta_core.tools.diff.comparison import ImageComparison
    from conta_core.tools.diff.picture import draw_changes

    if not isinstance(found, ImageComparison) or found.unit != "images":
        raise ContaError(
            f"{output}: {a} and {b} have no images to draw; name two stores with images or two "
            "pseudo_masks folders, or leave -o out"
        )
    manifest = None if data is None else Manifest.load(data)
    draw_changes(found, a, b, output, top=top, manifest=manifest)


def _show(found: Comparison, top: int, console: Console) -> None:
    from conta_core.tools.diff.comparison import FolderComparison, ImageComparison

    show(f"{found.what}: {'equal' if found.equal else 'they differ'}", console)
    for pair in found.about:
        show(f"  {pair.name}: A {as_text(pair.a)}, B {as_text(pair.b)}", console)
    for side, names in (("A", found.only_a), ("B", found.only_b)):
        if names:
            show(f"  only in {side}: {_some(names)}", console)
    if found.equal:
        return
    if isinstance(found, ImageComparison):
        lines = _image_lines(found, top)
    elif isinstance(found, FolderComparison):
        lines = _file_lines(found)
    else:
        lines = _score_lines(found)
    for line in lines:
        show(line, console)


def _image_lines(found: ImageComparison, top: int) -> Iterator[str]:
    yield _told(found)
    if found.other_arrays:
        yield f"arrays of the store that differ: {', '.join(found.other_arrays)}"
    there = [change for change in found.classes if change.a or change.b]
    if there:
        yield f"\nclasses, {found.class_measure}:"
        yield table([_class_row(change, 4) for change in there])
    if found.changes and top:
        yield f"\nmost changed of {len(found.changes)}:"
        rows: list[dict[str, Any]] = []
        for change in found.changes[:top]:
            row: dict[str, Any] = {"image" if found.unit == "images" else "class": change.id}
            for name, value in zip(found.measures, change.values, strict=True):
                row[name] = None if math.isnan(value) else _digits(value, 4)
            rows.append(row | ({"note": change.note} if change.note else {}))
        yield table(rows)


def _told(found: ImageComparison) -> str:
    """How many items differ, and by how much."""
    mean = (
        "" if found.mean is None else f"; {found.measures[0]}: {_digits(found.mean, 4)} on average"
    )
    return f"{len(found.changes)} of {found.compared} {found.unit} differ{mean}"


def _score_lines(found: ScoreComparison) -> Iterator[str]:
    """A line a list; of a scores file the table by class, else who gained and lost most."""
    of_file = found.what == "scores"
    rows = []
    for row in found.rows:
        known = [c for c in row.classes if c.change is not None]
        if not of_file and not any(c.change for c in known):
            continue
        shown: dict[str, Any] = {"round": row.round, "stage": row.stage, "list": row.split}
        shown |= {"mIoU A": _fixed(row.miou.a), "mIoU B": _fixed(row.miou.b)}
        shown["change"] = _signed(row.miou)
        if not of_file:
            shown |= {"gained most": _gain(known[-1]), "lost most": _gain(known[0])}
        rows.append(shown)
    if rows:
        yield table(rows)
    if len(rows) < len(found.rows):
        yield f"with the same IoU of every class: {len(found.rows) - len(rows)} more"
    for one in found.rows if of_file else ():
        yield f"\nIoU in percent, {one.split}:"
        yield table([_iou_row(change) for change in one.classes])


def _file_lines(found: FolderComparison) -> Iterator[str]:
    from conta_core.tools.diff.comparison import ScoreComparison

    rows = []
    for name, one in found.files.items():
        if isinstance(one, bool):
            told = "" if one else "not the same"
        elif isinstance(one, ScoreComparison):
            told = "" if one.equal else "; ".join(_score_told(row) for row in one.rows)
        else:
            told = "" if one.equal else _told(one)
        if told:
            rows.append({"file": name, "difference": told})
    if rows:
        yield table(rows)
    if len(rows) < len(found.files):
        yield f"equal: {len(found.files) - len(rows)} {'more' if rows else 'files'}"


def _score_told(row: ScoreChange) -> str:
    """The mIoU of a list, and the classes that gained and lost most."""
    known = [c for c in row.classes if c.change is not None]
    most = f" ({_gain(known[-1])}, {_gain(known[0])})" if known else ""
    return f"{row.split} mIoU {_fixed(row.miou.a)} to {_fixed(row.miou.b)}{most}"


def _class_row(change: ClassChange, digits: int) -> dict[str, Any]:
    a, b, by = (
        None if v is None else _digits(v, digits) for v in (change.a, change.b, change.change)
    )
    return {"class": change.name, "A": a, "B": b, "change": by}


def _iou_row(change: ClassChange) -> dict[str, Any]:
    return {
        "class": change.name,
        "A": _fixed(change.a),
        "B": _fixed(change.b),
        "change": _signed(change),
    }


def _gain(change: ClassChange) -> str:
    return f"{change.name} {_signed(change)}"


def _signed(change: ClassChange) -> str:
    return "-" if change.change is None else f"{change.change:+.2f}"


def _fixed(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _digits(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _some(names: Sequence[str], shown: int = 5) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _track(ids: Iterable[str], total: int) -> Iterable[str]:
    """A bar on a terminal."""
    console = Console(stderr=True)
    return track(
        ids, "comparing", total, console=console, transient=True, disable=not sys.stderr.isatty()
    )
