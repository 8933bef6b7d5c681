"""The seed of ReCAM: CAMs by the weights of two classifiers (Chen et al., CVPR 2022)."""

from __future__ import annotations

from collections.abc import Sequence

from conta_core.networks.cam_net import CamNet
from conta_core.networks.loading import load_network
from conta_core.networks.recam_net import RECAM_KIND, build_recam_net
from conta_core.seeds.classifier import Classifier


class Recam(Classifier):
    """CAMs over scales and flips, as of a classifier; the network gives the maps (section 3.3)."""

    @staticmethod
    def load_classifier(path: str, classes: Sequence[str] | None = None) -> CamNet:
        """The network of a model file, in evaluation mode, on the CPU."""
        return load_network(path, RECAM_KIND, build_recam_net, classes)
