"""The seed imported: CAMs of round 0 that another program made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from conta_core.networks.cam_net import CamNet
from conta_core.seeds.base import Seed, SeedInputs
from conta_core.seeds.cams import ImageCams
from conta_core.seeds.classifier import Classifier
from conta_core.seeds.foreign.sources import images_there, open_source
from conta_core.settings.imported import ImportedSettings


class Imported(Seed):
    """Reads the CAMs of round 0; those of later rounds are a classifier's.

    Validation images may be missing in the source, all of them: their CAMs are then not made, and
    not scored.

    Args:
        inputs: with :class:`~conta_core.settings.imported.ImportedSettings`; from round 1 on with
            the path of the round's classifier.

    Raises:
        ContaError: the source is not there, or lacks images.
    """

    def __init__(self, inputs: SeedInputs) -> None:
        super().__init__(inputs)
        self._classifier = Classifier(inputs) if inputs.round_index else None
        if self._classifier is None:
            assert isinstance(inputs.settings, ImportedSettings)
            self._path = str(inputs.settings.source)
            self._source = open_source(self._path, inputs.data.classes)
            self._ids = images_there(self._source, inputs.data, inputs.ids)

    def cams(self, image_id: str, keys: np.ndarray) -> ImageCams:
        """The CAMs of an image; in round 0 without a probability."""
        if self._classifier is not None:
            return self._classifier.cams(image_id, keys)
        return self._source.read(self.inputs.data.images[image_id], keys)

    @property
    def ids(self) -> Sequence[str]:
        """The training images, and the validation images if the source has them."""
        return super().ids if self._classifier is not None else self._ids

    @property
    def noted(self) -> dict[str, Any]:
        """The source, or what the classifier notes."""
        return {"source": self._path} if self._classifier is None else self._classifier.noted

    @property
    def files(self) -> list[str]:
        """The source, or the classifier."""
        return [self._path] if self._classifier is None else self._classifier.files

    @staticmethod
    def load_classifier(path: str, classes: Sequence[str] | None = None) -> CamNet:
        """The classifier of a model file, in evaluation mode, on the CPU."""
        return Classifier.load_classifier(path, classes)
