"""measure_objects: what objects are worth to their image's scores, and the context without them."""

from __future__ import annotations

import numpy as np

from conta_core.causal.intervention.context_features import context_features
from conta_core.causal.intervention.occlusion import score_drops
from conta_core.data.manifest import Manifest
from conta_core.data.mask_folder import read_mask, require_masks
from conta_core.runtime.device import configure_images_at_once, select_device
from conta_core.runtime.threads import map_in_threads
from conta_core.settings.choices import SEEDS
from conta_core.stages.image_by_image import Arrays, PartOutput, make_part

#: in a context's place
NOT_ASKED = np.zeros(0, dtype=np.float32)


def measure_objects(
    *,
    manifest: str,
    model: str,
    method: str,
    pseudo_masks: str,
    contexts: bool,
    output: PartOutput,
    threads: int,
) -> None:
    """Write a part of the training list's score drops and contexts.

    :mod:`conta_core.causal.intervention` tells what they are for.

    Args:
        manifest: path of dataset.json.
        model: path of the round's CAM net.
        method: of the seed that the net belongs to.
        pseudo_masks: folder of the round's <id>.png.
        contexts: whether the contexts are asked for too.
        output: the part of objects.h5 that this job writes.
        threads: CPU threads.

    Raises:
        ContaError: a file is missing or broken.
    """
    at_once = configure_images_at_once(threads)
    data = Manifest.load(manifest)
    ids = data.ids("train")
    require_masks(pseudo_masks, ids)
    network = SEEDS[method].load_code().load_classifier(model, data.classes).to(select_device())

    def measures_of(image_id: str) -> Arrays:
        keys = data.tag_indices(image_id)
        image = data.images[image_id].read_image()
        mask = read_mask(pseudo_masks, data.images[image_id])
        return {
            "keys": keys,
            "drop": score_drops(network, image, mask, keys),
            "context": context_features(network, image, mask) if contexts else NOT_ASKED,
        }

    make_part(
        lambda missing: map_in_threads(measures_of, missing, at_once, ahead=1),
        output=output,
        kind="objects",
        data=data,
        ids=ids,
        settings={"contexts": contexts},
        stage=measure_objects,
        inputs=[manifest, model, pseudo_masks],
        what="objects",
    )
