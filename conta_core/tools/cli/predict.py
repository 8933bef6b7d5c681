"""``conta predict``: a segmentation model on photographs, a camera or a video."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from conta_core.tools.predict.results import Outcome, ResultFolder

#: failures that are spelt out
MAX_LISTED = 20


def predict(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="a round's segmentation/model.safetensors"),
    ],
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="photographs, folders (with all below them), globs in quotes",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="folder to write masks/, overlays/ and areas.csv in; with --camera a video, "
            ".mp4 or .avi",
            show_default=False,
        ),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER|FILM",
            help="live, from a camera (0 is the first) or a video's file",
            show_default=False,
        ),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(min=1, help="with --camera: end after so many frames", show_default=False),
    ] = None,
    crf: Annotated[
        bool,
        typer.Option(
            "--crf", help="sharpen masks by the dense CRF of the evaluation (its default values)"
        ),
    ] = False,
    overlays: Annotated[
        bool, typer.Option("--overlays/--no-overlays", help="draw the mask over each photograph")
    ] = True,
    long_side: Annotated[
        int,
        typer.Option(
            min=0,
            help="scale larger photographs down to this many pixels before the network (masks "
            "keep the photograph's size); best near the recipe's segmentation.resize; 0: never",
        ),
    ] = 1024,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="photographs of one size a forward pass (default: 8 on a GPU, else 1)",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="work at a time (default: one a core; 4 with a GPU)", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, for programs")] = False,
) -> None:
    """Predict masks: PNGs in the VOC palette, overlays with a legend, and a table of areas.

    A photograph that cannot be read is told at the end, the others are done, and the status is 1.

    Examples:
      conta predict results/mine/round-2/segmentation/model.safetensors photos/ -o out

      conta predict model.safetensors "photos/**/*.jpg" -o out --crf

      conta predict model.safetensors --camera 0 -o out.mp4
    """
    if camera is not None:
        _refuse_beside_camera(paths, crf, batch_size)
        from conta_core.tools.cli.predict_camera import predict_camera

        predict_camera(model, camera, output, frames, long_side, workers, as_json)
        return
    if not paths or output is None:
        missing = "--output, the folder of the results" if paths else "a PATH, or --camera"
        raise typer.BadParameter(f"name {missing}")
    if frames is not None:
        raise typer.BadParameter("--frames goes with --camera alone")
    # only here: `conta --help` must not wait for torch
    from conta_core.runtime.memory import keep_freed_memory
    from conta_core.settings import CrfSettings
    from conta_core.tools.predict.photographs import find_photographs
    from conta_core.tools.predict.predict import default_batch_size, default_workers, predict_folder
    from conta_core.tools.predict.results import ResultFolder
    from conta_core.tools.predict.segmenter import Segmenter

    keep_freed_memory()
    photographs = find_photographs(paths, output)
    segmenter = Segmenter(model, long_side)
    results = ResultFolder(output, segmenter.class_names, overlays, CrfSettings() if crf else None)
    start = time.monotonic()
    with _bar(as_json) as progress:
        bar = progress.add_task("photographs", total=len(photographs))
        outcomes = predict_folder(
            segmenter,
            photographs,
            results,
            batch_size=batch_size or default_batch_size(segmenter),
            workers=workers or default_workers(segmenter),
            done=lambda outcome: progress.advance(bar),
        )
    seconds = time.monotonic() - start
    if as_json:
        typer.echo(json.dumps(_as_json(model, results, outcomes, seconds), indent=1))
    else:
        _tell(results, outcomes, seconds)
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)


def _refuse_beside_camera(paths: Sequence[str] | None, crf: bool, batch_size: int | None) -> None:
    given = {"PATH": paths, "--crf": crf, "--batch-size": batch_size}
    if too_much := [name for name, value in given.items() if value]:
        raise typer.BadParameter(f"{', '.join(too_much)} cannot stand beside --camera")


def _bar(hidden: bool) -> Progress:
    """A bar with rate and time left on stderr, where that is a terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=hidden or not console.is_terminal,
    )


def _tell(results: ResultFolder, outcomes: Sequence[Outcome], seconds: float) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    made = [outcome for outcome in outcomes if outcome.error is None]
    rate = f"{seconds:.1f} s, {len(outcomes) / max(seconds, 1e-9):.1f} a second"
    console.print(f"{_count(len(made))} predicted ({rate})")
    present = [sum(1 for o in made if o.pixels[v]) for v in range(len(results.names))]
    for name, images in zip(results.names[1:], present[1:], strict=True):
        if images:
            console.print(f"  {name}: in {_count(images)}")
    if made:
        console.print(f"masks in {results.path / 'masks'}")
        if results.overlays:
            console.print(f"overlays in {results.path / 'overlays'}")
    console.print(f"areas by class in {results.path / 'areas.csv'}")
    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True, style="red")
    for text in failed[:MAX_LISTED]:
        errors.print(f"error: {text}")
    if len(failed) > MAX_LISTED:
        errors.print(f"... and {len(failed) - MAX_LISTED} more")


def _as_json(
    model: Path, results: ResultFolder, outcomes: Sequence[Outcome], seconds: float
) -> dict[str, Any]:
    made = [
        {
            "image": str(o.photograph.path),
            "mask": str(results.mask(o.photograph)),
            "overlay": str(results.overlay(o.photograph)) if results.overlays else None,
            "height": o.size[0],
            "width": o.size[1],
            "pixels": dict(zip(results.names, o.pixels, strict=True)),
        }
        for o in outcomes
        if o.error is None
    ]
    return {
        "model": str(model),
        "classes": list(results.names),
        "areas": str(results.path / "areas.csv"),
        "seconds": round(seconds, 3),
        "images": made,
        "failed": [
            {"image": str(o.photograph.path), "error": o.error} for o in outcomes if o.error
        ],
    }


def _count(number: int) -> str:
    return "1 photograph" if number == 1 else f"{number} photographs"
