"""What the stages that predict with the segmentation model share: a list's images, one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.networks.segmentation import predict
from conta_core.networks.segmenters.files import load_segmentation
from conta_core.runtime.device import configure_images_at_once, select_device
from conta_core.runtime.threads import map_in_threads
from conta_core.stages.image_by_image import Arrays, PartOutput, make_part


def predict_images(
    arrays: Callable[[np.ndarray, tuple[int, int]], Arrays],
    *,
    manifest: str,
    model: str,
    output: PartOutput,
    threads: int,
    split: str,
    kind: str,
    stage: Callable[..., None],
    what: str,
) -> None:
    """Write a part of what the segmentation model makes of a list.

    Args:
        arrays: from an image's logits and its height and width to what is kept.
        manifest: path of dataset.json.
        model: path of the segmentation model.
        output: the part of the store that this job writes.
        threads: CPU threads.
        split: ``train`` or ``val``.
        kind: of the store.
        stage: the function of the stage.
        what: names the work in the log.
    """
    at_once = configure_images_at_once(threads)
    data = Manifest.load(manifest)
    network = load_segmentation(model, data.classes).to(select_device())

    def arrays_of(image_id: str) -> Arrays:
        record = data.images[image_id]
        return arrays(predict(network, record.read_image()), record.size)

    make_part(
        lambda missing: map_in_threads(arrays_of, missing, at_once, ahead=1),
        output=output,
        kind=kind,
        data=data,
        ids=data.ids(split),
        settings={},
        stage=stage,
        inputs=[manifest, model],
        what=what,
    )
