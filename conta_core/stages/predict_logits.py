"""Predict the validation list with the segmentation model of a round."""

from __future__ import annotations

from conta_core.stages.image_by_image import PartOutput
from conta_core.stages.predict_images import predict_images


def predict_logits(*, manifest: str, model: str, output: PartOutput, threads: int) -> None:
    """Write a part of the validation images' logits; the evaluation and its CRF read them.

    Args:
        manifest: path of dataset.json.
        model: path of the segmentation model.
        output: the part of logits.h5 that this job writes.
        threads: CPU threads.
    """
    predict_images(
        lambda logits, size: {"logits": logits},
        manifest=manifest,
        model=model,
        output=output,
        threads=threads,
        split="val",
        kind="logits",
        stage=predict_logits,
        what="logits",
    )
