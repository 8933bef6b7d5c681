from __future__ import annotations

import numpy as np
import torch
from chain import SIDE, Chain, opened, require

import conta_core
from conta_core.data.manifest import Manifest
from conta_core.images.photographs import read_image
from conta_core.networks.segmentation_output import predicted_labels


def test_predictions(chain: Chain, data: Manifest) -> None:
    count = len(data.class_names)
    with opened(chain, "logits.h5", "logits", data.ids("val")) as store:
        for i in data.ids("val"):
            require(store.read(i, "logits"), np.float32, (count, 8, 8))
    model = conta_core.load_model(chain.path("deeplab.safetensors"))
    with opened(chain, "train_masks.h5", "train_masks", data.ids("train")) as store:
        for i in data.ids("train"):
            mask = store.read(i, "mask")
            require(mask, np.uint8, (SIDE, SIDE))
            image = torch.from_numpy(read_image(data.images[i].image).transpose(2, 0, 1).copy())
            with torch.no_grad():
                logits = model(model.backbone.normalise(image[None]))[0].numpy()
            np.testing.assert_array_equal(mask, predicted_labels(logits, (SIDE, SIDE)))
