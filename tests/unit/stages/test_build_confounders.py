from __future__ import annotations

from pathlib import Path

import numpy as np
from chain import SIDE, Chain, require
from made_predictions import causal_step

from conta_core.causal.conta.resize_mask import resize_mask
from conta_core.data.manifest import Manifest
from conta_core.images.masks import read_label_png
from conta_core.settings import ContextSettings
from conta_core.stages.build_confounders import build_confounders
from conta_core.storage.stores.reader import StoreReader


def test_confounders(chain: Chain, data: Manifest) -> None:
    count = len(data.classes)
    with (
        StoreReader(chain.path("confounders.h5"), "confounders", (), data.classes) as store,
        StoreReader(chain.path("train_masks.h5"), "train_masks") as masks,
    ):
        assert store.settings == {"size": [6, 5], "source": "segmentation", "prior": "uniform"}
        found, prior = store.read_root("masks"), store.read_root("prior")
        require(found, np.float32, (count, 6, 5))
        require(prior, np.float32, (count,))
        np.testing.assert_allclose(prior, 1 / count)
        for index, name in enumerate(data.classes):
            of_class = [i for i in data.ids("train") if name in data.images[i].tags]
            assert store.read_root("count")[index] == len(of_class)
            present = [
                resize_mask((masks.read(i, "mask") == index + 1).astype(np.float32), (6, 5))
                for i in of_class
            ]
            expected = np.mean(present, axis=0) if present else np.zeros((6, 5))
            np.testing.assert_allclose(found[index], expected, atol=1e-6)


def test_confounders_of_the_pseudo_masks(chain: Chain, data: Manifest, tmp_path: Path) -> None:
    build_confounders(
        manifest=chain.manifest,
        masks=chain.path("pseudo_masks"),
        output=str(tmp_path / "c.h5"),
        settings=ContextSettings(size=(SIDE, SIDE), source="pseudo_masks"),
        run="conta",
        round_index=0,
    )
    index = int(data.tag_indices(data.ids("train")[0])[0])
    folder = Path(chain.path("pseudo_masks"))
    of_class = [i for i in data.ids("train") if index in data.tag_indices(i)]
    expected = np.mean([read_label_png(folder / f"{i}.png") == index + 1 for i in of_class], axis=0)
    with StoreReader(tmp_path / "c.h5", "confounders") as store:
        np.testing.assert_allclose(store.read_root("masks")[index], expected, atol=1e-6)


def test_confounders_of_the_truth(manifest_path: str, data: Manifest, tmp_path: Path) -> None:
    folder = causal_step(tmp_path, manifest_path, tmp_path / "truth", oracle_masks=True, steps=0)
    with StoreReader(folder / "confounders.h5", "confounders") as store:
        assert store.settings["masks"] == "truth"
        for index in range(len(data.classes)):
            of_class = [i for i in data.ids("train") if index in data.tag_indices(i)]
            shares = [
                resize_mask((data.read_mask(i) == index + 1).astype(np.float32), (6, 5))
                for i in of_class
            ]
            expected = np.mean(shares, axis=0) if shares else np.zeros((6, 5))
            np.testing.assert_allclose(store.read_root("masks")[index], expected, atol=1e-6)
