"""``conta paint``: a confounded data set of known truth, of real label masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def paint(
    masks: Annotated[
        Path,
        typer.Argument(
            metavar="MASKS",
            help="a folder of masks <id>.png with VOC's values, such as SegmentationClassAug, or "
            "a .tar that holds one",
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="the VOC devkit tree to make; nothing may be there"),
    ],
    train_list: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="ids of training images, one a line (default: train_aug.txt beside MASKS)",
            show_default=False,
        ),
    ] = None,
    val_list: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="ids of validation images, one a line (default: val.txt beside MASKS)",
            show_default=False,
        ),
    ] = None,
    train: Annotated[int, typer.Option(min=1, help="training images to paint")] = 400,
    val: Annotated[int, typer.Option(min=1, help="validation images to paint")] = 150,
    long_side: Annotated[
        int, typer.Option(min=64, max=1024, help="of the images, in pixels")
    ] = 128,
    confounding: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="how often a training image's context follows from its classes; validation "
            "images always have 0",
        ),
    ] = 0.9,
    seed: Annotated[int, typer.Option(help="everything random hangs on it")] = 0,
) -> None:
    """Paint real masks: real shapes and companions, on contexts that give the classes away.

    Which images, skins, contexts: all by the seed. Read the result with `format: voc` and
    `tags: masks`.

    Example:
      conta paint SegmentationClassAug.tar data/painted
    """
    # only here: no other command must wait for OpenCV
    from conta_core.data.synthetic.painted_masks import paint_masks

    beside = masks.absolute().parent
    painted = paint_masks(
        masks,
        out,
        train_list=train_list or beside / "train_aug.txt",
        val_list=val_list or beside / "val.txt",
        train=train,
        val=val,
        long_side=long_side,
        confounding=confounding,
        seed=seed,
    )
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"{out}: {len(painted.lists['train'])} training and {len(painted.lists['val'])} validation "
        "images"
    )
    console.print(
        "on the typical context of a class in the image: "
        f"{painted.own_context['train']:.0%} of the training images' pixels, "
        f"{painted.own_context['val']:.0%} of the validation images'"
    )
