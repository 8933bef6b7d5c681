"""Build the confounder set of a round (CONTA, section 3.3, step 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np

from conta_core.causal.ablations.oracle_masks import read_true_mask, require_true_masks
from conta_core.causal.conta.confounders import build_confounder_set
from conta_core.data.manifest import Manifest
from conta_core.data.mask_folder import mask_reader, require_masks
from conta_core.settings import ContextSettings
from conta_core.storage.stores.reader import StoreReader
from conta_core.storage.stores.writer import write_store


def build_confounders(
    *,
    manifest: str,
    masks: str,
    output: str,
    settings: ContextSettings,
    run: str,
    round_index: int,
) -> None:
    """Average the round's masks by class.

    Args:
        manifest: path of dataset.json.
        masks: train_masks.h5, or the folder of pseudo-masks, as ``context.source`` says; not
            read with ``context.oracle_masks: true``.
        output: path of confounders.h5.
        settings: size, source, masks and prior.
        run: name of the run.
        round_index: the round.

    Raises:
        ContaError: masks are missing or broken; with truth, those of the validation list too,
            which deconfound reads.
    """
    data = Manifest.load(manifest)
    ids = data.ids("train")
    with ExitStack() as stack:
        read: Callable[[str], np.ndarray]
        if settings.oracle_masks:
            require_true_masks(data, data.ids("train", "val"))
            read = lambda image_id: read_true_mask(data, image_id)  # noqa: E731
        elif settings.source == "segmentation":
            store = stack.enter_context(StoreReader(masks, "train_masks", ids, data.classes))
            read = lambda image_id: store.read(image_id, "mask")  # noqa: E731
        else:
            require_masks(masks, ids)
            read = mask_reader(masks, data)
        images: Iterator[tuple[np.ndarray, np.ndarray]] = (
            (read(image_id), data.tag_indices(image_id)) for image_id in ids
        )
        found = build_confounder_set(
            images, len(data.classes), settings.size, settings.prior, settings.background
        )
    chosen = settings.model_dump(include={"size", "source", "prior"}, mode="json")
    # variants for comparisons, told where they are not the paper's
    if settings.background:
        chosen["background"] = True
    if settings.oracle_masks:
        chosen["masks"] = "truth"
    with write_store(
        output,
        "confounders",
        classes=data.classes,
        run=run,
        round_index=round_index,
        settings=chosen,
    ) as written:
        written.write_root({"masks": found.masks, "prior": found.prior, "count": found.count})
