"""The fully connected CRF that sharpens labels and predictions at image edges.

Krähenbühl and Koltun, "Efficient inference in fully connected CRFs with Gaussian edge
potentials", NeurIPS 2011; the mean-field inference is pydensecrf's. Both functions see
the image as it is, uint8 RGB: with a mean subtracted and cast back to uint8 the colours
wrap, and the appearance kernel compares the wrong ones.
"""

from __future__ import annotations

import numpy as np
import pydensecrf.densecrf as densecrf

from conta_core.images.masks import IGNORE
from conta_core.settings import CrfSettings, LabelCrfSettings

#: no probability below this: its logarithm must stay finite
SMALLEST = 1e-5


def refine_labels(
    image: np.ndarray,
    labels: np.ndarray,
    label_count: int,
    settings: LabelCrfSettings,
    ignore_below: float | None = None,
) -> np.ndarray:
    """Move label boundaries to image edges, each label trusted with ``settings.confidence``.

    The label of a pixel has probability ``confidence``, the others share the rest evenly;
    background (0) is a label like the others (IRNet, Ahn et al., CVPR 2019, released code).

    Args:
        image: uint8 (H, W, 3), RGB, 0..255.
        labels: integers (H, W), 0 <= label < ``label_count``.
        label_count: how many labels there are, background included.
        settings: confidence, iterations and the kernels; a kernel of weight or width 0
            is left out.
        ignore_below: pixels whose label the CRF gives less probability become 255 (CLIP-ES's
            confidence masks); None: none do.

    Returns:
        uint8 (H, W), labels below ``label_count``, or 255.

    Raises:
        ValueError: shapes that do not fit, or a label outside the range.
    """
    labels = np.asarray(labels)
    _check_image(image, labels.shape)
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < label_count:
        raise ValueError(
            f"labels from {labels.min()} to {labels.max()}; expected 0..{label_count - 1}"
        )
    if label_count == 1:
        return np.zeros(labels.shape, dtype=np.uint8)
    confidence = np.clip(settings.confidence, SMALLEST, 1 - SMALLEST)
    cost_of_others = -np.log((1 - confidence) / (label_count - 1))
    unary = np.full((label_count, labels.size), cost_of_others, dtype=np.float32)
    unary[labels.ravel(), np.arange(labels.size)] = -np.log(confidence)
    refined = _infer(image, unary, settings)
    found = refined.argmax(axis=0).astype(np.uint8)
    if ignore_below is not None:
        found[refined.max(axis=0) < ignore_below] = IGNORE
    return found.reshape(labels.shape)


def refine_probabilities(
    image: np.ndarray, probabilities: np.ndarray, settings: CrfSettings
) -> np.ndarray:
    """Move the boundaries of a prediction to image edges (DeepLab v2, section 3.3).

    Args:
        image: uint8 (H, W, 3), RGB, 0..255, without any mean subtracted.
        probabilities: float (n, H, W), softmax over the first axis.
        settings: iterations and the kernels; a kernel of weight or width 0 is left out.

    Returns:
        float32 (n, H, W), probabilities that sum to 1 at each pixel.

    Raises:
        ValueError: shapes that do not fit.
    """
    probabilities = np.asarray(probabilities)
    _check_image(image, probabilities.shape[1:])
    if len(probabilities) == 1:
        return np.ones(probabilities.shape, dtype=np.float32)
    unary = -np.log(np.clip(probabilities, SMALLEST, 1.0), dtype=np.float32)
    refined = _infer(image, unary.reshape(len(probabilities), -1), settings)
    return refined.reshape(probabilities.shape)


def _infer(
    image: np.ndarray, unary: np.ndarray, settings: CrfSettings | LabelCrfSettings
) -> np.ndarray:
    """Mean-field probabilities, float32 (n, H * W), from costs of the same shape."""
    height, width = image.shape[:2]
    field = densecrf.DenseCRF2D(width, height, len(unary))
    field.setUnaryEnergy(np.ascontiguousarray(unary, dtype=np.float32))
    if settings.gaussian_sxy and settings.gaussian_compat:
        field.addPairwiseGaussian(sxy=settings.gaussian_sxy, compat=settings.gaussian_compat)
    if settings.bilateral_sxy and settings.bilateral_srgb and settings.bilateral_compat:
        field.addPairwiseBilateral(
            sxy=settings.bilateral_sxy,
            srgb=settings.bilateral_srgb,
            # a copy: pydensecrf takes no read-only array, and PIL gives one
            rgbim=np.array(image, dtype=np.uint8, order="C"),
            compat=settings.bilateral_compat,
        )
    return np.array(field.inference(settings.iterations), dtype=np.float32)


def _check_image(image: np.ndarray, shape: tuple[int, ...]) -> None:
    if image.dtype != np.uint8 or image.shape != (*shape, 3):
        raise ValueError(
            f"an image of shape {image.shape} and type {image.dtype}; expected uint8 {(*shape, 3)}"
        )
