"""What a seed is: whatever gives the CAMs of images, from which pseudo-masks grow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from conta_core.causal.methods.base import ContextReader
from conta_core.data.manifest import Manifest
from conta_core.networks.cam_net import CamNet
from conta_core.seeds.cams import ImageCams
from conta_core.settings import SeedSettings
from conta_core.training.objective import Objective


@dataclass(frozen=True)
class SeedInputs:
    """What a seed is given once a job.

    Attributes:
        data: the manifest.
        ids: the images that are asked for.
        settings: of the seed; it reads those of its ``extraction_keys``.
        round_index: the round.
        device: that computes.
        model: path of the round's classifier; None: the seed has none.
        context: what the classifier reads of images beside the pixels.
    """

    data: Manifest
    ids: Sequence[str]
    settings: SeedSettings
    round_index: int
    device: torch.device
    model: str | None = None
    context: ContextReader = field(default_factory=ContextReader)


class Seed(ABC):
    """Gives the CAMs of images, one by one; several threads may ask at once.

    Args:
        inputs: what it is given.

    Raises:
        ContaError: a file is missing or broken.
    """

    def __init__(self, inputs: SeedInputs) -> None:
        self.inputs = inputs

    @abstractmethod
    def cams(self, image_id: str, keys: Any) -> ImageCams:
        """The CAMs of an image.

        Args:
            image_id: of the image.
            keys: class indices of its tags, int (k,).
        """

    @property
    def ids(self) -> Sequence[str]:
        """The images whose CAMs it gives, of those that are asked for, in their order."""
        return self.inputs.ids

    @property
    def noted(self) -> dict[str, Any]:
        """What the store keeps of how its CAMs were made, plain values."""
        return {}

    @property
    def files(self) -> list[str]:
        """Paths of what the CAMs are made from, beside the manifest."""
        return [] if self.inputs.model is None else [self.inputs.model]

    @staticmethod
    def load_classifier(path: str, classes: Sequence[str] | None = None) -> CamNet:
        """The classifier of a model file, in evaluation mode, on the CPU.

        Raises:
            ContaError: no such model, or the seed has none.
        """
        raise NotImplementedError("the seed has no classifier")


class SeedTraining(ABC):
    """How the classifier of a seed is trained.

    Attributes:
        kind: of its model file.
        what: names the training in the log.
    """

    kind: ClassVar[str]
    what: ClassVar[str] = "CAM classifier"

    @staticmethod
    @abstractmethod
    def network(class_count: int, architecture: Mapping[str, Any]) -> CamNet:
        """The new network."""

    @staticmethod
    @abstractmethod
    def objective(model: Any, settings: Any) -> Objective:
        """What the training minimises, with ``settings.frozen_blocks`` of the backbone frozen."""

    @staticmethod
    @abstractmethod
    def groups(model: Any, settings: Any) -> list[dict[str, Any]]:
        """Parameter groups of SGD, each with its own ``lr`` and ``weight_decay``."""

    @staticmethod
    def views(settings: Any) -> dict[str, Any]:
        """Further arguments of :class:`~conta_core.training.views.ViewedImages`."""
        return {}
