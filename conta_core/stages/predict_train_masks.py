"""Predict X_m, the segmentation mask of every training image (CONTA, section 3.3, step 2)."""

from __future__ import annotations

from conta_core.networks.segmentation_output import predicted_labels
from conta_core.stages.image_by_image import PartOutput
from conta_core.stages.predict_images import predict_images


def predict_train_masks(*, manifest: str, model: str, output: PartOutput, threads: int) -> None:
    """Write a part of the training images' X_m.

    Args:
        manifest: path of dataset.json.
        model: path of the segmentation model.
        output: the part of train_masks.h5 that this job writes.
        threads: CPU threads.
    """
    predict_images(
        lambda logits, size: {"mask": predicted_labels(logits, size)},
        manifest=manifest,
        model=model,
        output=output,
        threads=threads,
        split="train",
        kind="train_masks",
        stage=predict_train_masks,
        what="training masks",
    )
