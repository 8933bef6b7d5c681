"""IR labels: the confident foreground and background from which IRNet learns boundaries."""

from __future__ import annotations

import numpy as np

from conta_core.images.masks import IGNORE
from conta_core.refinement.crf import refine_labels
from conta_core.refinement.pseudo_masks import label_argmax
from conta_core.settings import IrnSettings


def ir_labels(
    image: np.ndarray, high_res: np.ndarray, keys: np.ndarray, settings: IrnSettings
) -> np.ndarray:
    """Confident labels of an image from its CAMs (IRNet, Ahn et al., CVPR 2019, section 3.3).

    Two label maps by argmax of [threshold, CAMs], one with the foreground threshold and
    one with the background threshold, each sharpened by a CRF. A class stands where the
    foreground map names it, background where both maps say background, 255 elsewhere.

    Args:
        image: uint8 (H, W, 3), RGB.
        high_res: float (k, H, W), CAMs of the image's tags at full size, 0..1.
        keys: int (k,), class indices of the tags.
        settings: the two thresholds and the CRF.

    Returns:
        uint8 (H, W): 0 background, i + 1 class i, 255 ignore. All 0 where k is 0.

    Raises:
        ValueError: shapes that do not fit each other.
    """
    if high_res.shape[1:] != image.shape[:2]:
        raise ValueError(f"CAMs of {high_res.shape[1:]} for an image of {image.shape[:2]}")
    own = np.arange(len(keys))  # the CRF numbers the image's own classes, not all of them
    thresholds = (settings.foreground_threshold, settings.background_threshold)
    maps = [label_argmax(high_res, own, threshold) for threshold in thresholds]
    foreground, background = refine_labels(image, maps, len(keys) + 1, settings.label_crf)
    labels = np.concatenate([[0], np.asarray(keys) + 1]).astype(np.uint8)[foreground]
    labels[(foreground == 0) & (background != 0)] = IGNORE
    return labels
