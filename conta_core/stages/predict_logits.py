"""Predict the validation list with the segmentation model of a round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conta_core.device import configure_threads, select_device
from conta_core.images import read_image
from conta_core.manifest import Manifest
from conta_core.networks.deeplab import build_deeplab
from conta_core.networks.loading import load_network
from conta_core.segmentation import predict
from conta_core.stages.image_by_image import Arrays, PartOutput, make_part


def predict_logits(
    *,
    manifest: str,
    model: str,
    output: PartOutput,
    threads: int,
) -> None:
    """Write a part of the validation images' logits; the evaluation and its CRF read them.

    Args:
        manifest: path of dataset.json.
        model: path of the segmentation model.
        output: the part of logits.h5 that this job writes.
        threads: CPU threads.
    """
    configure_threads(threads)
    data = Manifest.load(manifest)
    network = load_network(model, "deeplab", build_deeplab, data.classes).to(select_device())
    ids = data.ids("val")

    def make(missing: Sequence[str]) -> Iterator[Arrays]:
        for image_id in missing:
            image = read_image(data.images[image_id].image)
            yield {"logits": predict(network, image)}

    make_part(
        make,
        output=output,
        kind="logits",
        data=data,
        ids=ids,
        settings={},
        module=__file__,
        inputs=[manifest, model],
        what="logits",
    )
