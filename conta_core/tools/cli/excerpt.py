"""``conta excerpt``: a smaller copy of a data set."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def excerpt(
    config: Annotated[Path, typer.Argument(help="a recipe, e.g. configs/voc_animals.yaml")],
    folder: Annotated[Path, typer.Argument(help="new folder, for a data set of format folder")],
    train: Annotated[
        int | None,
        typer.Option(min=1, help="training images, evenly over the classes", show_default="all"),
    ] = None,
    val: Annotated[
        int | None, typer.Option(min=0, help="validation images, likewise", show_default="all")
    ] = None,
    long_side: Annotated[
        int | None,
        typer.Option(min=16, help="scale larger images down to it", show_default="as they are"),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="processes that read and write")] = 2,
) -> None:
    """Copy some images of a recipe's data set, scaled down, with their tags and masks.

    What comes out is a data set of format folder; the command prints its part of a recipe.

    Example:
      conta excerpt configs/voc_animals.yaml data/animals --train 400 --val 140 --long-side 224
    """
    # only here: no other command must wait for the readers of data sets
    from conta_core.data.excerpt import ExcerptSizes, write_excerpt
    from conta_core.data.index import check_images
    from conta_core.data.making import make_what_is_missing
    from conta_core.data.reading import read_dataset
    from conta_core.settings.load import load_experiments, read_config

    experiment = next(iter(load_experiments(read_config(config)).values()))
    settings = experiment.dataset
    with tempfile.TemporaryDirectory(prefix="conta-excerpt-") as temporary:
        made = make_what_is_missing(settings, Path(temporary, "made"), experiment.seed)
        manifest = read_dataset(settings, made, workers)
        manifest = check_images(manifest, workers, allow_untagged=settings.allow_untagged)
        copied = write_excerpt(manifest, folder, ExcerptSizes(train, val, long_side), workers)
    counts = ", ".join(f"{len(ids)} {kind}" for kind, ids in copied.lists.items())
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"{folder}: {counts}")
    for name in copied.classes:
        own = [sum(name in copied.images[i].tags for i in ids) for ids in copied.lists.values()]
        console.print(f"  {name}: {own[0]} train, {own[1]} val")
    classes = ", ".join(copied.classes)
    console.print(
        f"dataset: {{name: {folder.name}, format: folder, root: {folder}, classes: [{classes}]}}"
    )
