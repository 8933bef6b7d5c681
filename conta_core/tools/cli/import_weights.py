"""``conta import-weights``: published weights made into files of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def import_weights(
    kind: Annotated[
        str,
        typer.Argument(
            help="irnet-cam, irnet-irn, deeplab-pytorch, torchvision (a ResNet) or seam (SEAM's or "
            "AffinityNet's)."
        ),
    ],
    file: Annotated[
        Path, typer.Argument(help="The checkpoint (.pth or .safetensors). No code in it is run.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .safetensors file to write.")],
    classes: Annotated[
        str | None,
        typer.Option(
            help="Foreground class names in the order of the outputs, separated by commas; "
            "without it VOC's where there are 20, COCO's where there are 80."
        ),
    ] = None,
) -> None:
    """Convert a published checkpoint; every key of it must fit."""
    # only here: `conta --help` must not wait for torch
    from conta_core.tools.importing.converted import ConvertedModel
    from conta_core.tools.importing.import_weights import import_weights as convert

    names = None if classes is None else [name.strip() for name in classes.split(",")]
    converted = convert(kind, file, output, names)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if converted.dropped:
        console.print(f"left out: {', '.join(converted.dropped)}")
    if isinstance(converted, ConvertedModel):
        console.print(
            f"{output}: a model of kind {converted.kind} with {len(converted.classes)} classes "
            f"({', '.join(converted.classes)}); conta_core.load_model gives it back"
        )
    else:
        console.print(
            f"{output}: a backbone; use it as `weights: {output}` with "
            f"`backbone: {'` or `'.join(converted.names)}`"
        )
