"""Extract the CAMs of a round."""

from __future__ import annotations

from conta_core.causal.conta.context_ingredients import IngredientPaths, open_context, read_for
from conta_core.data.images import read_image
from conta_core.data.manifest import Manifest
from conta_core.networks.cam_net import build_cam_net
from conta_core.networks.loading import load_network
from conta_core.runtime.device import configure_images_at_once, select_device
from conta_core.runtime.threads import map_in_threads
from conta_core.seeds.cams import extract
from conta_core.stages.image_by_image import Arrays, PartOutput, make_part


def extract_cams(
    *,
    manifest: str,
    model: str,
    context: str | None,
    ingredients: IngredientPaths | None,
    output: PartOutput,
    scales: tuple[float, ...],
    scaling: str,
    threads: int,
) -> None:
    """Write a part of the CAMs of the training list, and of the validation list with its own tags.

    Args:
        manifest: path of dataset.json.
        model: path of the CAM net.
        context: path of the context.h5 that the net was trained with, or None.
        ingredients: in its place what the net makes M of, where it does.
        output: the part of cams.h5 that this job writes.
        scales: of the images.
        scaling: of M, as in training.
        threads: CPU threads.
    """
    at_once = configure_images_at_once(threads)
    data = Manifest.load(manifest)
    network = load_network(model, "cam", build_cam_net, data.classes).to(select_device())
    ids = data.ids("train", "val")
    maps = open_context(context, ingredients, scaling, data, ids)

    def cams_of(image_id: str) -> Arrays:
        keys = data.tag_indices(image_id)
        image = read_image(data.images[image_id].image)
        cams = extract(network, image, keys, scales, *read_for(maps, image_id))
        return {
            "keys": keys,
            "cam": cams.cam,
            "high_res": cams.high_res,
            "probability": cams.probability,
        }

    make_part(
        lambda missing: map_in_threads(cams_of, missing, at_once, ahead=1),
        output=output,
        kind="cams",
        data=data,
        ids=ids,
        settings={"scales": list(scales), "context": scaling if maps else None},
        stage=extract_cams,
        inputs=[manifest, model, context, *(ingredients.files() if ingredients else [])],
        what="CAMs",
    )
