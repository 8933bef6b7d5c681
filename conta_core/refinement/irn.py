"""The refinement of IRNet: a random walk that stops at predicted boundaries."""

from __future__ import annotations

import numpy as np
import torch

from conta_core.networks.irn import build_irn
from conta_core.networks.loading import load_network
from conta_core.refinement.base import Refinement, RefinementInputs
from conta_core.refinement.edges import predict_edge
from conta_core.refinement.random_walk import random_walk


class IrnRefinement(Refinement):
    """The boundary-aware random walk (IRNet, section 4).

    Args:
        inputs: with the path of the round's IRN, and
            :class:`~conta_core.settings.IrnRefinementSettings`.
    """

    def __init__(self, inputs: RefinementInputs) -> None:
        super().__init__(inputs)
        assert inputs.model is not None
        network = load_network(inputs.model, "irn", build_irn, inputs.classes)
        self._network = network.to(inputs.device)

    def refine(self, image: np.ndarray, cam: np.ndarray) -> np.ndarray:
        """Refine the CAMs of one image."""
        settings = self.inputs.settings
        edge = predict_edge(self._network, image, settings.inference_pad)
        walked = random_walk(
            torch.from_numpy(cam).to(edge.device),
            edge,
            radius=settings.radius,
            beta=settings.beta,
            steps=settings.steps,
        )
        return walked.cpu().numpy().astype(np.float32)
