"""A segmentation model that takes photographs of any size."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from conta_core.errors import ContaError
from conta_core.networks.segmenters.files import KINDS, load_segmentation
from conta_core.runtime.device import configure_threads, select_device
from conta_core.storage.model_files import read_metadata

#: pixels that the network must see of each side: its smallest scale needs some
SMALLEST_SIDE = 16
#: what the other kinds of models give
OTHER_KINDS = {
    "cam": "CAMs",
    "recam": "CAMs",
    "seam": "CAMs",
    "irn": "edges and displacements",
}


class Segmenter:
    """A segmentation model and how photographs come to its input.

    Calls may come from several threads at once: on the CPU each computes with one thread, so
    that the logits of a photograph hang neither on what is computed beside it nor on the cores.

    Args:
        path: of a segmentation/model.safetensors.
        long_side: photographs with a longer side are scaled down to it, pixels; 0: never.

    Attributes:
        classes: foreground class names.
        on_gpu: whether the network runs on a GPU.

    Raises:
        ContaError: no such file, no model of ours, or a model of another kind.
    """

    def __init__(self, path: str | os.PathLike[str], long_side: int = 0) -> None:
        self.classes = require_segmentation_model(path)
        configure_threads(1)
        device = select_device()
        self.on_gpu = device.type != "cpu"
        self.long_side = long_side
        self._device = device
        self._network = load_segmentation(path).to(device)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names by pixel value: background first."""
        return ("background", *self.classes)

    def input_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width at which the network sees a photograph of a height and width."""
        return scaled_size(size, self.long_side)

    def require_size(self, what: str, seen: tuple[int, int]) -> None:
        """Raise ContaError, naming ``what``, where the network would see too few pixels."""
        if min(seen) < SMALLEST_SIDE:
            raise ContaError(
                f"{what}: {seen[1]} x {seen[0]} pixels for the network; expected sides of "
                f"{SMALLEST_SIDE} at least: crop it, or try a larger --long-side (0: as it is)"
            )

    def logits(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Logits of photographs that the network sees at one size, as one batch.

        Args:
            images: uint8 (H, W, 3) each.

        Returns:
            float32 (B, n + 1, h, w) at the network's stride, background first.
        """
        batch = np.stack([scale_down(image, self.long_side) for image in images])
        with torch.inference_mode():
            pixels = torch.from_numpy(batch).to(self._device).permute(0, 3, 1, 2)
            logits: torch.Tensor = self._network(self._network.backbone.normalise(pixels))
            return logits.float().cpu().contiguous().numpy()


def scaled_size(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """Height and width scaled down to a long side, 0: as they are; never up."""
    if not long_side or max(size) <= long_side:
        return size
    height, width = (max(1, round(side * long_side / max(size))) for side in size)
    return height, width


def scale_down(image: np.ndarray, long_side: int) -> np.ndarray:
    """A photograph, uint8 (H, W, 3), at its :func:`scaled_size`."""
    size = scaled_size((image.shape[0], image.shape[1]), long_side)
    if size == image.shape[:2]:
        return image
    return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA))


def require_segmentation_model(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The classes of a segmentation model's file.

    Raises:
        ContaError: no such file, no model of ours, or a model of another kind.
    """
    expected = "expected a results/<run>/round-<R>/segmentation/model.safetensors: name that"
    if not Path(path).is_file():
        found = "a folder" if Path(path).is_dir() else "no such file"
        raise ContaError(f"{path}: {found}; {expected}")
    kind, classes, _ = read_metadata(path)
    if kind not in KINDS:
        gives = f", which gives {OTHER_KINDS[kind]} and no masks" if kind in OTHER_KINDS else ""
        raise ContaError(f"{path}: a model of kind {kind!r}{gives}; {expected}")
    return classes
