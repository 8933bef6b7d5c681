"""The seed SEAM: class activation maps that a pixel correlation module refined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conta_core.networks.loading import load_network
from conta_core.networks.seam_net import SEAM_KIND, SeamNet, build_seam_net
from conta_core.seeds.cams import ImageCams
from conta_core.seeds.classifier import Classifier
from conta_core.seeds.seam_maps import extract_refined


class Seam(Classifier):
    """Refined maps over scales and flips (Wang et al., CVPR 2020)."""

    network: SeamNet

    def cams(self, image_id: str, keys: np.ndarray) -> ImageCams:
        """The maps of an image, with the classifier's probability of every class."""
        image = self.inputs.data.images[image_id].read_image()
        context, query = self.inputs.context.read(image_id)
        return extract_refined(self.network, image, keys, self.scales, context, query)

    @staticmethod
    def load_classifier(path: str, classes: Sequence[str] | None = None) -> SeamNet:
        """The network of a model file, in evaluation mode, on the CPU."""
        return load_network(path, SEAM_KIND, build_seam_net, classes)
