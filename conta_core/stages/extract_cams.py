"""Extract the CAMs of a round."""

from __future__ import annotations

from conta_core.causal.methods import CausalInputs, method_of
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
    causal: CausalInputs,
    output: PartOutput,
    scales: tuple[float, ...],
    threads: int,
) -> None:
    """Write a part of the CAMs of the training list, and of the validation list with its own tags.

    Args:
        manifest: path of dataset.json.
        model: path of the CAM net.
        causal: what the net reads of the round before, as in training.
        output: the part of cams.h5 that this job writes.
        scales: of the images.
        threads: CPU threads.
    """
    at_once = configure_images_at_once(threads)
    data = Manifest.load(manifest)
    network = load_network(model, "cam", build_cam_net, data.classes).to(select_device())
    ids = data.ids("train", "val")
    context = method_of(causal.settings, output.round_index).open_context(causal, data, ids)

    def cams_of(image_id: str) -> Arrays:
        keys = data.tag_indices(image_id)
        image = read_image(data.images[image_id].image)
        cams = extract(network, image, keys, scales, *context.read(image_id))
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
        settings={"scales": list(scales), "context": context.scaling},
        stage=extract_cams,
        inputs=[manifest, model, *causal.files.values()],
        what="CAMs",
    )
