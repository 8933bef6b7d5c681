"""Predict X_m, the segmentation mask of every training image (CONTA, section 3.3, step 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conta_core.device import configure_threads, select_device
from conta_core.images import read_image
from conta_core.manifest import Manifest
from conta_core.networks.deeplab import build_deeplab
from conta_core.networks.loading import load_network
from conta_core.segmentation import predict
from conta_core.segmentation_output import predicted_labels
from conta_core.stages.image_by_image import Arrays, PartOutput, make_part


def predict_train_masks(
    *,
    manifest: str,
    model: str,
    output: PartOutput,
    threads: int,
) -> None:
    """Write a part of the training images' X_m.

    Args:
        manifest: path of dataset.json.
        model: path of the segmentation model.
        output: the part of train_masks.h5 that this job writes.
        threads: CPU threads.
    """
    configure_threads(threads)
    data = Manifest.load(manifest)
    network = load_network(model, "deeplab", build_deeplab, data.classes).to(select_device())
    ids = data.ids("train")

    def make(missing: Sequence[str]) -> Iterator[Arrays]:
        for image_id in missing:
            image = read_image(data.images[image_id].image)
            yield {"mask": predicted_labels(predict(network, image), data.images[image_id].size)}

    make_part(
        make,
        output=output,
        kind="train_masks",
        data=data,
        ids=ids,
        settings={},
        module=__file__,
        inputs=[manifest, model],
        what="training masks",
    )
