"""Ground-truth masks in the place of predictions, for an upper bound of the causal step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.images.masks import IGNORE


def require_true_masks(data: Manifest, image_ids: Sequence[str]) -> None:
    """Raise ContaError unless every image has a ground-truth mask."""
    without = [i for i in image_ids if data.images[i].mask is None]
    if without:
        raise ContaError(
            f"context.oracle_masks is true, but {len(without)} images have no ground-truth mask, "
            f"among them {without[:5]}; set it to false, or give them masks and run "
            "index_dataset again"
        )


def read_true_mask(data: Manifest, image_id: str) -> np.ndarray:
    """Ground truth as a prediction would be: uint8 (H, W), i + 1 for class i, 255 as background."""
    mask = data.read_mask(image_id)
    return np.where(mask == IGNORE, np.uint8(0), mask)
