"""evaluate_reliance: how far the scores of a round's classifier hang on context."""

from __future__ import annotations

import numpy as np

from conta_core.causal.intervention.pixels import fill
from conta_core.causal.methods import CausalInputs, method_of
from conta_core.data.manifest import Manifest
from conta_core.data.mask_folder import read_mask, require_masks
from conta_core.evaluation.reliance import ClassReliance, write_reliance
from conta_core.runtime.device import configure_images_at_once, select_device
from conta_core.runtime.threads import map_in_threads
from conta_core.seeds.cams import class_probabilities
from conta_core.settings.choices import SEEDS
from conta_core.storage.stores.reader import StoreReader

#: class index and P(class) with its objects filled in, of each class of an image
After = list[tuple[int, float]]


def evaluate_reliance(
    *,
    manifest: str,
    model: str,
    method: str,
    cams: str | None,
    pseudo_masks: str,
    causal: CausalInputs,
    output: str,
    images: int,
    run: str,
    round_index: int,
    threads: int,
) -> None:
    """Ask each class of training images that hold it, with and without its objects.

    A class whose object the pseudo-mask does not show is not asked of that image.

    Args:
        manifest: path of dataset.json.
        model: path of the CAM net.
        method: of the seed that the net belongs to.
        cams: path of its cams.h5, which has P(class) of every image as it is; None: it made no
            CAMs, and is asked.
        pseudo_masks: folder of <id>.png.
        causal: what the net reads of the round before, as in training.
        output: path of the reliance json.
        images: so many images with tags at most, evenly spaced over the training list.
        run: name of the run.
        round_index: the round.
        threads: CPU threads.

    Raises:
        ContaError: a file is missing or broken.
    """
    at_once = configure_images_at_once(threads)
    data = Manifest.load(manifest)
    ids = data.ids("train")
    asked = _evenly_spaced([i for i in ids if data.images[i].tags], images)
    require_masks(pseudo_masks, asked)
    network = SEEDS[method].load_code().load_classifier(model, data.classes).to(select_device())
    context = method_of(causal.settings, round_index).open_context(
        causal, data, asked if cams is not None else ids
    )

    def ask(image_id: str) -> np.ndarray:
        image = data.images[image_id].read_image()
        return class_probabilities(network, image, *context.read(image_id))

    def after(image_id: str) -> After:
        image = data.images[image_id].read_image()
        labels = read_mask(pseudo_masks, data.images[image_id])
        found = []
        for index in data.tag_indices(image_id).tolist():
            objects = labels == index + 1
            if objects.any():
                read = context.read(image_id)
                without = class_probabilities(network, fill(image, objects), *read)
                found.append((index, float(without[index])))
        return found

    if cams is not None:
        with StoreReader(cams, "cams", ids, data.classes) as store:
            before = {image_id: store.read(image_id, "probability") for image_id in ids}
    else:
        before = dict(zip(ids, map_in_threads(ask, ids, at_once), strict=True))
    reliance = ClassReliance(len(data.classes))
    for image_id in ids:
        reliance.add_image(before[image_id], data.tag_vector(image_id))
    for image_id, pairs in zip(asked, map_in_threads(after, asked, at_once), strict=True):
        for index, value in pairs:
            reliance.add_pair(index, float(before[image_id][index]), value)
    about = {"run": run, "round": round_index, "list": data.list_names["train"]}
    write_reliance(output, {**about, "images": len(asked), **reliance.result(data.classes)})


def _evenly_spaced(ids: list[str], count: int) -> list[str]:
    """So many at most, from the first on."""
    places = np.linspace(0, len(ids), min(count, len(ids)), endpoint=False)
    return [ids[int(place)] for place in places]
