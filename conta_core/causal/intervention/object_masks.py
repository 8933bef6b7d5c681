"""Where the objects lie that an intervention recombines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.data.mask_folder import mask_reader, require_masks
from conta_core.settings import InterventionSettings


def object_masks(
    manifest: Manifest,
    ids: Sequence[str],
    pseudo_masks: str | None,
    settings: InterventionSettings,
) -> Callable[[str], np.ndarray]:
    """A reader of masks: image id -> uint8 (H, W), 0 background, i + 1 class i.

    Args:
        manifest: of the data set.
        ids: images that will be read.
        pseudo_masks: folder of ``<id>.png``; may be None where the settings ask for ground truth.
        settings: ``object_masks`` says which masks.

    Raises:
        ContaError: a mask is missing.
        ValueError: no folder where one is needed.
    """
    if settings.object_masks == "truth":
        return manifest.read_mask
    if pseudo_masks is None:
        raise ValueError("an intervention needs pseudo-masks")
    require_masks(pseudo_masks, ids)
    return mask_reader(pseudo_masks, manifest)
