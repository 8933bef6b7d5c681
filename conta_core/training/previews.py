"""What a model under training makes of a few images, to be looked at epoch by epoch.

Looking changes nothing: no gradient, no draw, no statistics, and every module is in its mode
again afterwards. The images are the same ones in every epoch, whole, at the size of the crops.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import torch
from torch import Tensor

from conta_core.images.drawing import colour_maps
from conta_core.training.objective import Objective
from conta_core.training.views import ViewedImages

#: images that are drawn
SHOWN = 4
#: of the training's time that drawing may take, beside the first and the last time
SHARE = 0.005


class Previews:
    """Pictures of a few training images under the model as it is.

    Args:
        objective: whose :meth:`~conta_core.training.objective.Objective.preview` draws.
        images: the views; those drawn are evenly spaced over the images with a tag.
    """

    def __init__(self, objective: Objective, images: ViewedImages) -> None:
        self._objective, self._images = objective, images
        self._batch: dict[str, Tensor] = {}
        self._sizes: list[tuple[int, int]] = []
        self._shown = images.tagged(SHOWN)
        self._start = time.monotonic()
        self._spent = self._latest = 0.0

    def due(self, *, last: bool) -> bool:
        """Whether to draw at the end of an epoch.

        Args:
            last: it is the last; then always.
        """
        elapsed = time.monotonic() - self._start
        return last or self._spent + self._latest <= SHARE * elapsed

    def draw(self) -> dict[str, np.ndarray]:
        """The pictures as they are now.

        Returns:
            ``<what is drawn>/<image id>`` -> uint8 (h, w, 3): the image, and beside it what the
            objective draws.
        """
        start = time.monotonic()
        if not self._batch:
            self._read()
        with _looking(self._objective):
            drawn = self._objective.preview(self._batch["image"], self._batch)
        pictures = {}
        for row, panels in enumerate(drawn):
            height, width = self._sizes[row]
            image = self._batch["image"][row].permute(1, 2, 0).cpu().numpy()
            cut = [panel[:height, :width] for panel in (image, *panels)]
            name = f"{self._objective.previewed}/{self._images.ids[self._shown[row]]}"
            pictures[name] = np.concatenate(cut, axis=1)
        self._latest = time.monotonic() - start
        self._spent += self._latest
        return pictures

    def _read(self) -> None:
        device = next(self._objective.parameters()).device
        samples = [self._images.whole(index) for index in self._shown]
        self._sizes = [size for _, size in samples]
        if samples:
            self._batch = {
                name: torch.stack([sample[name] for sample, _ in samples]).to(device)
                for name in samples[0][0]
            }


@contextmanager
def _looking(objective: Objective) -> Iterator[None]:
    """Evaluation mode without a trace."""
    modes = [(module, module.training) for module in objective.modules()]
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    objective.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices):
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def heat_over(image: Tensor, heat: Tensor) -> np.ndarray:
    """A map over an image, dark where it is 0 and bright where it is 1.

    Args:
        image: uint8 (3, H, W).
        heat: (h, w), 0..1; scaled to the image.

    Returns:
        uint8 (H, W, 3).
    """
    below = image.permute(1, 2, 0).cpu().numpy()
    size = (below.shape[1], below.shape[0])
    scaled = cv2.resize(heat.float().cpu().numpy(), size, interpolation=cv2.INTER_LINEAR)
    return colour_maps.heat_over(below, scaled)
