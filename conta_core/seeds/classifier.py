"""The seed of IRNet: class activation maps of a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from conta_core.networks.cam_net import CamNet, build_cam_net
from conta_core.networks.loading import load_network
from conta_core.seeds.base import Seed, SeedInputs
from conta_core.seeds.cams import ImageCams, extract


class Classifier(Seed):
    """CAMs over scales and flips (IRNet, section 3.1).

    Args:
        inputs: with the path of the round's classifier; of the settings ``scales`` are read.
    """

    def __init__(self, inputs: SeedInputs) -> None:
        super().__init__(inputs)
        assert inputs.model is not None
        model = self.load_classifier(inputs.model, inputs.data.classes)
        self.network = model.to(inputs.device)
        self.scales: tuple[float, ...] = inputs.settings.scales  # type: ignore[attr-defined]

    def cams(self, image_id: str, keys: np.ndarray) -> ImageCams:
        """The CAMs of an image, with the classifier's probability of every class."""
        image = self.inputs.data.images[image_id].read_image()
        return extract(self.network, image, keys, self.scales, *self.inputs.context.read(image_id))

    @property
    def noted(self) -> dict[str, Any]:
        """The scales, and how M was scaled."""
        return {"scales": list(self.scales), "context": self.inputs.context.scaling}

    @staticmethod
    def load_classifier(path: str, classes: Sequence[str] | None = None) -> CamNet:
        """The classifier of a model file, in evaluation mode, on the CPU."""
        return load_network(path, "cam", build_cam_net, classes)
