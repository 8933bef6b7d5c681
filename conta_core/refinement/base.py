"""What a refinement is: it brings the CAMs of an image closer to its objects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class RefinementInputs:
    """What a refinement is given once a job.

    Attributes:
        settings: of the refinement.
        classes: foreground class names.
        device: that computes.
        model: path of the round's IRN; None: the refinement reads none.
    """

    settings: Any
    classes: Sequence[str]
    device: torch.device
    model: str | None = None


class Refinement(ABC):
    """Refines CAMs, image by image; several threads may ask at once.

    Args:
        inputs: what it is given.

    Raises:
        ContaError: a file is missing or broken.
    """

    def __init__(self, inputs: RefinementInputs) -> None:
        self.inputs = inputs

    @abstractmethod
    def refine(self, image: np.ndarray, cam: np.ndarray) -> np.ndarray:
        """Refine the CAMs of one image.

        Args:
            image: uint8 (H, W, 3).
            cam: float32 (k, ceil(H/4), ceil(W/4)), 0..1; k is at least 1.

        Returns:
            float32, the shape of ``cam``, not negative.
        """
