"""What the stages that predict with the segmentation model share: a list's images, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from conta_core.device import configure_threads, select_device
from conta_core.images import read_image
from conta_core.manifest import Manifest
from conta_core.networks.deeplab import build_deeplab
from conta_core.networks.loading import load_network
from conta_core.segmentation import predict
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
    module: str,
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
        module: path of the stage's module.
        what: names the work in the log.
    """
    configure_threads(threads)
    data = Manifest.load(manifest)
    network = load_network(model, "deeplab", build_deeplab, data.classes).to(select_device())

    def make(missing: Sequence[str]) -> Iterator[Arrays]:
        for image_id in missing:
            record = data.images[image_id]
            yield arrays(predict(network, read_image(record.image)), record.size)

    make_part(
        make,
        output=output,
        kind=kind,
        data=data,
        ids=data.ids(split),
        settings={},
        module=module,
        inputs=[manifest, model],
        what=what,
    )
