"""Refine the CAMs of a round."""

from __future__ import annotations

from conta_core.data.manifest import Manifest
from conta_core.refinement.base import Refinement, RefinementInputs
from conta_core.runtime.device import configure_images_at_once, select_device
from conta_core.runtime.threads import map_in_threads
from conta_core.settings import RefinementSettings
from conta_core.settings.choices import REFINEMENTS
from conta_core.stages.image_by_image import Arrays, PartOutput, make_part
from conta_core.storage.stores.reader import StoreReader


def refine_cams(
    *,
    manifest: str,
    model: str | None,
    cams: str,
    output: PartOutput,
    settings: RefinementSettings,
    threads: int,
) -> None:
    """Write a part of the refined CAMs of the training list.

    Args:
        manifest: path of dataset.json.
        model: path of the round's IRN; None: the refinement reads none.
        cams: path of cams.h5.
        output: the part of refined.h5 that this job writes.
        settings: of the refinement.
        threads: CPU threads.

    Raises:
        ContaError: a file is missing or broken.
    """
    at_once = configure_images_at_once(threads)
    data = Manifest.load(manifest)
    ids = data.ids("train")
    given = RefinementInputs(settings, data.classes, select_device(), model)
    refinement: Refinement = REFINEMENTS[settings.method].load_code()(given)
    with StoreReader(cams, "cams", ids, data.classes) as source:

        def refined_of(image_id: str) -> Arrays:
            refined = source.read(image_id, "cam")
            if len(refined):
                refined = refinement.refine(data.images[image_id].read_image(), refined)
            return {"keys": source.read(image_id, "keys"), "refined": refined}

        make_part(
            lambda missing: map_in_threads(refined_of, missing, at_once, ahead=1),
            output=output,
            kind="refined",
            data=data,
            ids=ids,
            settings=settings.model_dump(mode="json"),
            stage=refine_cams,
            inputs=[manifest, model, cams],
            what="refined CAMs",
        )
