"""What is written of a photograph: its mask and its overlay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from conta_core.errors import ContaError
from conta_core.images.masks import write_label_png
from conta_core.networks.segmentation_output import softmax, upsample_logits
from conta_core.refinement.crf import refine_probabilities
from conta_core.settings import CrfSettings
from conta_core.tools.predict.labelling import strongest_labels
from conta_core.tools.predict.overlay import draw_overlay
from conta_core.tools.predict.photographs import Photograph


@dataclass(frozen=True)
class Outcome:
    """What became of a photograph.

    Attributes:
        photograph: which.
        size: height and width, pixels; (0, 0) where it failed.
        pixels: of each class, background first; empty where it failed.
        error: why it failed, with the path and the mend; None: it did not.
    """

    photograph: Photograph
    size: tuple[int, int] = (0, 0)
    pixels: tuple[int, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class ResultFolder:
    """Where results go, and what is made of logits.

    Attributes:
        path: of the folder.
        names: of the classes by pixel value, background first.
        overlays: whether pictures are drawn beside the masks.
        crf: the values of the CRF that sharpens masks; None: no CRF.
    """

    path: Path
    names: Sequence[str]
    overlays: bool = True
    crf: CrfSettings | None = None

    def mask(self, photograph: Photograph) -> Path:
        """Path of a photograph's mask."""
        return self.path / "masks" / f"{photograph.name}.png"

    def overlay(self, photograph: Photograph) -> Path:
        """Path of a photograph's overlay."""
        return self.path / "overlays" / f"{photograph.name}.jpg"

    def write(
        self,
        photograph: Photograph,
        image: np.ndarray,
        seen: np.ndarray,
        logits: np.ndarray,
    ) -> Outcome:
        """Make the mask of a photograph and write what is asked for.

        Args:
            photograph: which.
            image: its pixels, uint8 (H, W, 3).
            seen: the same at the network's size, uint8 (h', w', 3); the CRF works on these.
            logits: float32 (n + 1, h, w), background first.

        Raises:
            ContaError: a file cannot be written.
        """
        if self.crf is not None:
            full = softmax(upsample_logits(logits, (seen.shape[0], seen.shape[1])))
            logits = refine_probabilities(seen, full, self.crf)
        labels = strongest_labels(logits, (image.shape[0], image.shape[1]))
        try:
            path = self.mask(photograph)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_label_png(path, labels)
            if self.overlays:
                path = self.overlay(photograph)
                path.parent.mkdir(parents=True, exist_ok=True)
                picture = Image.fromarray(draw_overlay(image, labels, self.names))
                picture.save(path, "JPEG", quality=90)
        except OSError as error:
            reason = error.strerror or error
            raise ContaError(
                f"{path}: cannot be written ({reason}); make room there or name another folder"
            ) from None
        pixels = np.bincount(labels.ravel(), minlength=len(self.names))
        return Outcome(photograph, (labels.shape[0], labels.shape[1]), tuple(pixels.tolist()))
