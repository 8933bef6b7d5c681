"""``conta show``: stores, masks and runs as pictures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from conta_core.errors import ContaError


def show_command(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|RUN",
            help="A store (.h5), a folder of masks (pseudo_masks), a dataset.json (its ground "
            "truth), or the folder of a run, results/<run> (all stages of an image).",
        ),
    ],
    image: Annotated[
        str | None,
        typer.Argument(
            help="Id of the image, or the name of its file without ending; "
            "confounders.h5 needs none."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The picture: .png, .pdf or .svg. A file that is there is replaced. Without it "
            "a PNG in the working directory, named after what it shows, if there is none yet.",
        ),
    ] = None,
    rounds: Annotated[
        list[int] | None,
        typer.Option("--round", min=0, help="Of a run: this round; repeat it for several."),
    ] = None,
    overlay: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="ALPHA",
            help="How much of a map or mask shows over the photograph, 0 to 1; of a run it also "
            "lays the masks over the photograph. [default: 0.6 for maps, 0.5 for masks]",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[
        Path | None,
        typer.Option(metavar="DATASET.json", help="The manifest, if it is not the run's own."),
    ] = None,
    photo: Annotated[
        bool,
        typer.Option(
            "--photo/--no-photo", help="With the photograph and the ground truth, or without."
        ),
    ] = True,
    size: Annotated[
        int | None,
        typer.Option(
            min=16,
            max=4096,
            metavar="PIXELS",
            help="Long side of each photograph, map and mask. [default: 280 to 480, by the image]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Draw what a file or a run holds of an image: CAMs, masks, context, every stage."""
    # only here: `conta --help` must not wait for matplotlib, OpenCV and h5py
    from conta_core.data.image_ids import given_id
    from conta_core.images.drawing.sheet import require_picture_name, write_sheet
    from conta_core.tools.show.scene import View
    from conta_core.tools.show.targets import show

    # an installed font without a bold kind is no news for a user
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    if output is not None:
        require_picture_name(output)
    view = View(dataset, photo, overlay, size, tuple(rounds or ()))
    shown = show(target, None if image is None else given_id(image), view)
    path = output or _unused(Path(f"{shown.name}.png"))
    write_sheet(shown.figure, path)
    width, height = (round(side) for side in shown.figure.get_size_inches() * shown.figure.dpi)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"{path}: {width} x {height} pixels")


def _unused(path: Path) -> Path:
    if path.exists():
        raise ContaError(f"{path}: is there already; name the picture with -o to replace it")
    return path
