"""``conta export``: a round's pseudo-masks and segmentation model for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from conta_core.errors import ContaError


class Format(StrEnum):
    """What is written."""

    voc = "voc"
    coco = "coco"
    safetensors = "safetensors"
    onnx = "onnx"


#: file or folder of each format
NAMES = {
    Format.voc: "pseudo_masks",
    Format.coco: "pseudo_masks.json",
    Format.safetensors: "model.safetensors",
    Format.onnx: "model.onnx",
}


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="a run's folder, results/<run>")],
    output: Annotated[Path, typer.Option("--output", "-o", help="folder to write in")],
    round_index: Annotated[
        int | None,
        typer.Option(
            "--round", min=0, help="(default: the last finished round)", show_default=False
        ),
    ] = None,
    formats: Annotated[
        list[Format] | None,
        typer.Option(
            "--format",
            "-f",
            help="may be given several times. voc: pseudo-masks as PNGs in the VOC palette; coco: "
            "as run-length codes in a COCO JSON; safetensors: the segmentation model; onnx: the "
            "same for other runtimes (default: voc and safetensors)",
            show_default=False,
        ),
    ] = None,
    coco_ids: Annotated[
        Path | None,
        typer.Option(
            metavar="INSTANCES.json",
            help="with coco: take category ids and image numbers from the data set's annotations "
            "(without it: 1 to n in the order of the classes, images from 1)",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, for programs")] = False,
) -> None:
    """Export a round's pseudo-masks and its segmentation model, with the list of classes.

    Nothing that is there already is written over.

    Examples:
      conta export results/mine -o out

      conta export results/mine --round 1 -f coco -f onnx -o out
    """
    # only here: `conta --help` must not wait for torch
    from conta_core.tools.exporting.models import (
        export_model,
        export_onnx,
        require_onnx,
        write_classes,
    )
    from conta_core.tools.exporting.pseudo_masks import (
        coco_numbers_of,
        usual_numbers,
        write_coco_masks,
        write_voc_masks,
    )
    from conta_core.tools.exporting.run_files import find_round, new_path

    chosen = list(dict.fromkeys(formats or (Format.voc, Format.safetensors)))
    if coco_ids is not None and Format.coco not in chosen:
        raise typer.BadParameter("--coco-ids goes with --format coco alone")
    if output.resolve().is_relative_to(run.resolve()):
        raise ContaError(f"{output}: lies in the run itself; export to another folder")
    files = find_round(run, round_index)
    if Format.onnx in chosen:
        require_onnx()
    manifest = files.manifest()
    numbers = usual_numbers(manifest) if coco_ids is None else coco_numbers_of(coco_ids, manifest)
    paths = {kind: new_path(output, NAMES[kind]) for kind in chosen}
    classes = new_path(output, "classes.json")
    total = len(manifest.ids("train"))
    for kind, path in paths.items():
        if kind is Format.voc:
            _with_bar(write_voc_masks(files, path), total, "masks", as_json)
        elif kind is Format.coco:
            _with_bar(write_coco_masks(files, path, numbers), total, "COCO JSON", as_json)
        elif kind is Format.safetensors:
            export_model(files.model, path)
        else:
            export_onnx(files.model, path)
    write_classes(files.model, classes)
    if as_json:
        answer = {"run": str(run), "round": files.index, "classes": str(classes)}
        answer |= {kind.value: str(path) for kind, path in paths.items()}
        typer.echo(json.dumps(answer, indent=1))
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"round {files.index} of {run}")
    told = {
        Format.voc: f"{total} pseudo-masks in the VOC palette",
        Format.coco: f"{total} pseudo-masks as run-length codes",
        Format.safetensors: "the segmentation model, for conta predict and conta_core.load_model",
        Format.onnx: "the segmentation model as ONNX; images: uint8 RGB (batch, height, width, 3)",
    }
    for kind, path in paths.items():
        console.print(f"  {path}: {told[kind]}")
    console.print(f"  {classes}: the {len(manifest.classes)} classes, their values and colours")


def _with_bar(items: Iterator[str], total: int, what: str, hidden: bool) -> None:
    console = Console(stderr=True)
    disable = hidden or not console.is_terminal
    with Progress(console=console, transient=True, disable=disable) as progress:
        for _ in progress.track(items, total=total, description=what):
            pass
