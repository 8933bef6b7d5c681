"""The fully connected CRF that sharpens labels and predictions at image edges.

Krähenbühl and Koltun, "Efficient inference in fully connected CRFs with Gaussian edge
potentials", NeurIPS 2011; the mean-field inference is pydensecrf's. Both functions see
the image as it is, uint8 RGB: with a mean subtracted and cast back to uint8 the colours
wrap, and the appearance kernel compares the wrong ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pydensecrf.densecrf as densecrf

from conta_core.images.masks import IGNORE
from conta_core.settings import CrfSettings, LabelCrfSettings

#: no probability below this: its logarithm must stay finite
SMALLEST = 1e-5


def refine_labels(
    image: np.ndarray,
    label_maps: Sequence[np.ndarray],
    label_count: int,
    settings: LabelCrfSettings,
    ignore_below: float | None = None,
) -> list[np.ndarray]:
    """Move label boundaries to image edges, each label trusted with ``settings.confidence``.

    The label of a pixel has probability ``confidence``, the others share the rest evenly;
    background (0) is a label like the others (IRNet, Ahn et al., CVPR 2019, released code). The
    kernels hang on the image alone: they are made once for all of its label maps.

    Args:
        image: uint8 (H, W, 3), RGB, 0..255.
        label_maps: of the image, each of integers (H, W), 0 <= label < ``label_count``.
        label_count: how many labels there are, background included.
        settings: confidence, iterations and the kernels; a kernel of weight or width 0
            is left out.
        ignore_below: pixels whose label the CRF gives less probability become 255 (CLIP-ES's
            confidence masks); None: none do.

    Returns:
        uint8 (H, W) for each map, labels below ``label_count``, or 255.

    Raises:
        ValueError: shapes that do not fit, or a label outside the range.
    """
    maps = [np.asarray(labels) for labels in label_maps]
    for labels in maps:
        _check_image(image, labels.shape)
        if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < label_count:
            raise ValueError(
                f"labels from {labels.min()} to {labels.max()}; expected 0..{label_count - 1}"
            )
    if label_count == 1:
        return [np.zeros(labels.shape, dtype=np.uint8) for labels in maps]
    confidence = np.clip(settings.confidence, SMALLEST, 1 - SMALLEST)
    cost_of_others = -np.log((1 - confidence) / (label_count - 1))
    field = _Field(image, label_count, settings)
    refined = []
    for labels in maps:
        unary = np.full((label_count, labels.size), cost_of_others, dtype=np.float32)
        unary[labels.ravel(), np.arange(labels.size)] = -np.log(confidence)
        probabilities = field.infer(unary)
        found = probabilities.argmax(axis=0).astype(np.uint8)
        if ignore_below is not None:
            found[probabilities.max(axis=0) < ignore_below] = IGNORE
        refined.append(found.reshape(labels.shape))
    return refined


def refine_probabilities(
    image: np.ndarray, probabilities: np.ndarray, settings: CrfSettings
) -> np.ndarray:
    """Move the boundaries of a prediction to image edges (DeepLab v2, section 3.3).

    Args:
        image: uint8 (H, W, 3), RGB, 0..255, without any mean subtracted.
        probabilities: float (n, H, W), softmax over the first axis.
        settings: iterations and the kernels; a kernel of weight or width 0 is left out. Labels
            that are nowhere as probable as ``skip_labels_below`` have no part in it, if they are
            the most probable nowhere: their probability is 0.

    Returns:
        float32 (n, H, W), probabilities that sum to 1 at each pixel.

    Raises:
        ValueError: shapes that do not fit.
    """
    probabilities = np.asarray(probabilities)
    _check_image(image, probabilities.shape[1:])
    kept = _labels_that_matter(probabilities, settings.skip_labels_below)
    refined = np.zeros(probabilities.shape, dtype=np.float32)
    if len(kept) == 1:
        refined[kept] = 1.0
        return refined
    unary = -np.log(np.clip(probabilities[kept], SMALLEST, 1.0), dtype=np.float32)
    found = _Field(image, len(kept), settings).infer(unary.reshape(len(kept), -1))
    refined[kept] = found.reshape(len(kept), *probabilities.shape[1:])
    return refined


def _labels_that_matter(probabilities: np.ndarray, floor: float) -> np.ndarray:
    """Indices of the labels that are somewhere as probable as the floor, or the most probable."""
    if not floor:
        return np.arange(len(probabilities))
    somewhere = probabilities.reshape(len(probabilities), -1).max(axis=1) >= floor
    somewhere[np.unique(probabilities.argmax(axis=0))] = True
    return np.flatnonzero(somewhere)


class _Field:
    """The CRF of an image: its kernels, which are made once, and any number of inferences.

    Args:
        image: uint8 (H, W, 3).
        label_count: how many labels there are.
        settings: iterations and the kernels.
    """

    def __init__(
        self, image: np.ndarray, label_count: int, settings: CrfSettings | LabelCrfSettings
    ) -> None:
        height, width = image.shape[:2]
        self._iterations = settings.iterations
        self._field = densecrf.DenseCRF2D(width, height, label_count)
        if settings.gaussian_sxy and settings.gaussian_compat:
            self._field.addPairwiseGaussian(
                sxy=settings.gaussian_sxy, compat=settings.gaussian_compat
            )
        if settings.bilateral_sxy and settings.bilateral_srgb and settings.bilateral_compat:
            self._field.addPairwiseBilateral(
                sxy=settings.bilateral_sxy,
                srgb=settings.bilateral_srgb,
                # a copy: pydensecrf takes no read-only array, and PIL gives one
                rgbim=np.array(image, dtype=np.uint8, order="C"),
                compat=settings.bilateral_compat,
            )

    def infer(self, unary: np.ndarray) -> np.ndarray:
        """Mean-field probabilities, float32 (n, H * W), from costs of the same shape."""
        self._field.setUnaryEnergy(np.ascontiguousarray(unary, dtype=np.float32))
        return np.array(self._field.inference(self._iterations), dtype=np.float32)


def _check_image(image: np.ndarray, shape: tuple[int, ...]) -> None:
    if image.dtype != np.uint8 or image.shape != (*shape, 3):
        raise ValueError(
            f"an image of shape {image.shape} and type {image.dtype}; expected uint8 {(*shape, 3)}"
        )
