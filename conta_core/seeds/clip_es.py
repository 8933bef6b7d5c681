"""CLIP-ES: CAMs from CLIP's image tower and text embeddings, without training.

Lin et al., "CLIP is also an efficient segmenter: a text-driven approach for weakly supervised
semantic segmentation", CVPR 2023.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.networks.clip_tower import build_clip_tower
from conta_core.seeds.attention_refinement import refine_by_attention
from conta_core.seeds.base import Seed, SeedInputs
from conta_core.seeds.cams import GRID_STRIDE, ImageCams
from conta_core.seeds.softmax_grad_cam import softmax_grad_cams
from conta_core.settings.clip_es import ClipEsSettings
from conta_core.storage.text_embeddings import load_text_embeddings


class ClipEs(Seed):
    """Softmax Grad-CAM, refined by the tower's own attention.

    An image with T patches takes about 4 x heads x T^2 floats for the gradient of the last block:
    110 MB at 375 x 500 with ViT-B/16, 1.8 GB at 768 x 1024. ``long_side`` is the limit.

    Args:
        inputs: with :class:`~conta_core.settings.clip_es.ClipEsSettings`; no classifier.
    """

    def __init__(self, inputs: SeedInputs) -> None:
        super().__init__(inputs)
        assert isinstance(inputs.settings, ClipEsSettings)
        self.settings = inputs.settings
        path = str(self.settings.text)
        texts = load_text_embeddings(path)
        of_classes = texts.for_classes(inputs.data.classes, path)
        self.of_classes = of_classes.to(inputs.device)
        self.of_background = texts.of_background.to(inputs.device)
        tower = build_clip_tower(self.settings.tower, self.settings.tower_weights, texts.width)
        self.tower = tower.to(inputs.device)
        self._text_model = texts.model

    def cams(self, image_id: str, keys: np.ndarray) -> ImageCams:
        """The CAMs of an image; no probability, since there is no classifier."""
        image = self.inputs.data.images[image_id].read_image()
        height, width = image.shape[:2]
        sizes = ((-(-height // GRID_STRIDE), -(-width // GRID_STRIDE)), (height, width))
        if not len(keys):
            empty = [np.zeros((0, *size), np.float32) for size in sizes]
            return ImageCams(empty[0], empty[1].astype(np.float16))
        maps = self._refined(image, keys)[None]
        cam, high_res = (
            F.interpolate(maps, size, mode="bilinear", align_corners=False)[0] for size in sizes
        )
        return ImageCams(cam.cpu().numpy(), high_res.half().cpu().numpy())

    def _refined(self, image: np.ndarray, keys: np.ndarray) -> Tensor:
        """The maps on the grid of patches, float32 (k, h, w), 0..1."""
        settings, tower = self.settings, self.tower
        prepared = tower.prepare(image, settings.long_side)
        grid = tower.grid_of((prepared.shape[2], prepared.shape[3]))
        tokens, attention = tower.look(prepared, settings.attention_blocks)
        own = self.of_classes[torch.from_numpy(keys).to(tokens.device)]
        texts = torch.cat([own, self.of_background])
        maps = softmax_grad_cams(tower, tokens, texts, len(keys), settings.logit_scale)
        refined = refine_by_attention(
            maps,
            grid,
            attention,
            settings.normalisations,
            settings.power,
            settings.box_threshold,
        )
        return refined.reshape(len(keys), *grid)

    @property
    def noted(self) -> dict[str, Any]:
        """The settings, and whose text tower made the embeddings."""
        return {**self.settings.model_dump(mode="json"), "text_model": self._text_model}

    @property
    def files(self) -> list[str]:
        """The text embeddings, and the tower's weights where they are a file."""
        weights = self.settings.tower_weights
        return [str(self.settings.text), *([weights] if Path(weights).is_file() else [])]
