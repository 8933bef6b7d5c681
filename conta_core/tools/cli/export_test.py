"""``conta export-test``: predictions in the layout of VOC's evaluation server."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from conta_core.errors import ContaError

if TYPE_CHECKING:
    import numpy as np

    from conta_core.tools.exporting.voc_results import Labelling


class Competition(StrEnum):
    """The server's competitions of segmentation."""

    comp5 = "comp5"
    comp6 = "comp6"


def export_test(
    logits: Annotated[
        Path, typer.Argument(help="a round's segmentation/logits.h5, of lists.val: test")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="folder to make results/ in")],
    competition: Annotated[
        Competition, typer.Option(help="comp6: trained on more than VOC's own masks")
    ] = Competition.comp6,
    crf: Annotated[
        Path | None,
        typer.Option(
            metavar="DATASET.json",
            help="sharpen by the dense CRF of the evaluation (its default values) on the images "
            "of this manifest, the run's dataset.json",
        ),
    ] = None,
) -> None:
    """Write the predictions of VOC's test list as the evaluation server takes them."""
    # only here: no other command must wait for OpenCV and HDF5
    from conta_core.data.manifest import Manifest
    from conta_core.tools.exporting.voc_results import export_voc_results, strongest

    # results/RUN/round-N/segmentation/logits.h5, the manifest in results/RUN
    beside = [folder / "dataset.json" for folder in [*logits.absolute().parents][2:3]]
    of_run = next((path for path in [crf, *beside] if path is not None and path.is_file()), None)
    manifest = None if of_run is None else Manifest.load(of_run)
    folder = export_voc_results(
        logits,
        output,
        competition=competition.value,
        labelling=strongest if crf is None else _after_crf(crf),
        manifest=manifest,
    )
    count = sum(1 for _ in folder.glob("*.png"))
    console = Console()
    console.print(f"{count} predictions in {folder}", highlight=False, soft_wrap=True)
    console.print(
        f"to upload: tar czf results.tgz -C {output} results", highlight=False, soft_wrap=True
    )


def _after_crf(path: Path) -> Labelling:
    import numpy as np

    from conta_core.data.manifest import Manifest
    from conta_core.networks.segmentation_output import softmax
    from conta_core.refinement.crf import refine_probabilities
    from conta_core.settings import CrfSettings

    manifest = Manifest.load(path)
    settings = CrfSettings()

    def label(image_id: str, logits: np.ndarray) -> np.ndarray:
        if image_id not in manifest.images:
            raise ContaError(
                f"{path}: has no image {image_id}, of which there are logits; name the "
                "dataset.json of the same run"
            )
        image = manifest.images[image_id].read_image()
        refined = refine_probabilities(image, softmax(logits), settings)
        return refined.argmax(axis=0).astype(np.uint8)

    return label
