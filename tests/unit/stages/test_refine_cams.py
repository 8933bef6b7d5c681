from __future__ import annotations

import numpy as np
import torch
from chain import Chain, opened, require

import conta_core
from conta_core.data.manifest import Manifest
from conta_core.images.photographs import read_image
from conta_core.refinement.edges import predict_edge
from conta_core.refinement.random_walk import random_walk
from conta_core.storage.stores.reader import StoreReader


def test_refined(chain: Chain, data: Manifest) -> None:
    network = conta_core.load_model(chain.path("irn.safetensors"))
    ids = data.ids("train")
    with (
        opened(chain, "refined.h5", "refined", ids) as store,
        StoreReader(chain.path("cams.h5"), "cams") as cams,
    ):
        assert store.settings == {
            "method": "irn",
            "radius": 3,
            "beta": 8.0,
            "steps": 16,
            "inference_pad": None,
        }
        for i in ids:
            refined, cam = store.read(i, "refined"), cams.read(i, "cam")
            require(refined, np.float32, cam.shape)
            assert 0 <= refined.min() <= refined.max() <= 1
            edge = predict_edge(network, read_image(data.images[i].image))
            assert edge.shape == (16, 16)
            expected = random_walk(torch.from_numpy(cam), edge, radius=3, beta=8.0, steps=16)
            np.testing.assert_allclose(refined, expected.numpy(), atol=1e-6)
            np.testing.assert_array_equal(store.read(i, "keys"), data.tag_indices(i))


@torch.no_grad()
def test_edges_do_not_depend_on_the_flip(chain: Chain, data: Manifest) -> None:
    network = conta_core.load_model(chain.path("irn.safetensors"))
    image = read_image(data.images[data.ids("train")[0]].image)
    edge = predict_edge(network, image)
    flipped = predict_edge(network, image[:, ::-1].copy())
    torch.testing.assert_close(flipped.flip(-1), edge, atol=1e-5, rtol=1e-4)
    assert float((edge - edge.flip(-1)).abs().max()) > 1e-3
    odd = predict_edge(network, image[:50, :37])
    assert odd.shape == (13, 10)
    assert 0 <= float(odd.min()) <= float(odd.max()) <= 1
