"""Extract the CAMs of a round."""

from __future__ import annotations

from conta_core.causal.methods import CausalInputs, method_of
from conta_core.data.manifest import Manifest
from conta_core.runtime.device import configure_images_at_once, select_device
from conta_core.runtime.threads import map_in_threads
from conta_core.seeds.base import Seed, SeedInputs
from conta_core.settings import SeedSettings
from conta_core.settings.choices import SEEDS
from conta_core.stages.image_by_image import Arrays, PartOutput, make_part


def extract_cams(
    *,
    manifest: str,
    model: str | None,
    causal: CausalInputs,
    output: PartOutput,
    settings: SeedSettings,
    threads: int,
) -> None:
    """Write a part of the CAMs of the training list, and of the validation list with its own tags.

    Args:
        manifest: path of dataset.json.
        model: path of the round's classifier; None: the seed has none.
        causal: what the classifier reads of the round before, as in training.
        output: the part of cams.h5 that this job writes.
        settings: of the seed.
        threads: CPU threads.

    Raises:
        ContaError: a file is missing or broken.
    """
    at_once = configure_images_at_once(threads)
    data = Manifest.load(manifest)
    ids = data.ids("train", "val")
    context = method_of(causal.settings, output.round_index).open_context(causal, data, ids)
    given = SeedInputs(data, ids, settings, output.round_index, select_device(), model, context)
    seed: Seed = SEEDS[settings.method].load_code()(given)

    def cams_of(image_id: str) -> Arrays:
        keys = data.tag_indices(image_id)
        cams = seed.cams(image_id, keys)
        arrays = {"keys": keys, "cam": cams.cam, "high_res": cams.high_res}
        if cams.probability is not None:
            arrays["probability"] = cams.probability
        return arrays

    make_part(
        lambda missing: map_in_threads(cams_of, missing, at_once, ahead=1),
        output=output,
        kind="cams",
        data=data,
        ids=seed.ids,
        settings=seed.noted,
        stage=extract_cams,
        inputs=[manifest, *seed.files, *causal.files.values()],
        what="CAMs",
    )
