from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from chain import Chain, opened, require
from made_predictions import causal_step

from conta_core.causal.ablations.shuffled_contexts import shuffle_places
from conta_core.causal.conta.attention import ContextAttention
from conta_core.causal.conta.context_maps import ContextMaps
from conta_core.causal.conta.predicted_masks import encode_mask
from conta_core.causal.conta.resize_mask import resize_mask
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.networks.segmentation_output import predicted_labels
from conta_core.runtime.seeding import torch_generator
from conta_core.storage.stores.reader import StoreReader


def test_context(chain: Chain, data: Manifest) -> None:
    ids, count = data.ids("train", "val"), len(data.classes)
    with (
        opened(chain, "context.h5", "context", ids) as store,
        StoreReader(chain.path("confounders.h5"), "confounders") as confounders,
    ):
        assert store.settings == {"steps": 20, "learning_rate": 0.01}
        c, prior = confounders.read_root("masks"), confounders.read_root("prior")
        for i in ids:
            alpha, m = store.read(i, "alpha"), store.read(i, "mask")
            require(alpha, np.float32, (count,))
            require(m, np.float32, (6, 5))
            assert alpha.sum() == pytest.approx(1, abs=1e-5)
            assert alpha.min() >= 0
            # equation 4, from what the stores hold
            np.testing.assert_allclose(m, np.einsum("n,nhw->hw", alpha * prior, c), atol=1e-6)
        training = np.stack([store.read(i, "mask") for i in data.ids("train")])
        np.testing.assert_allclose(store.read_root("mean"), training.mean(0), atol=1e-6)
        deviation = (training - training.mean(0)).std()
        assert float(store.read_root("deviation")) == pytest.approx(deviation, rel=1e-3, abs=1e-9)
    maps = ContextMaps(chain.path("context.h5"), "standardise", ids, data.classes)
    assert all(np.isfinite(maps[i]).all() for i in ids)


@pytest.fixture
def default(predictions: Path, manifest_path: str, tmp_path: Path) -> Path:
    """The stores of the defaults."""
    return causal_step(predictions, manifest_path, tmp_path / "default")


def test_the_defaults_by_hand(predictions: Path, default: Path, data: Manifest) -> None:
    """To the last bit, from the predictions alone."""
    ids, train = data.ids("train", "val"), data.ids("train")
    with (
        StoreReader(predictions / "train_masks.h5", "train_masks") as masks,
        StoreReader(predictions / "logits.h5", "logits") as logits,
        StoreReader(default / "confounders.h5", "confounders") as confounders,
        StoreReader(default / "context.h5", "context", ids) as found,
    ):
        labels = [masks.read(i, "mask") for i in train]
        labels += [
            predicted_labels(logits.read(i, "logits"), data.images[i].size)
            for i in ids[len(train) :]
        ]
        queries = torch.from_numpy(
            np.stack([encode_mask(mask, len(data.classes), (6, 5)) for mask in labels])
        )
        attention = ContextAttention(
            torch.from_numpy(confounders.read_root("masks")),
            torch.from_numpy(confounders.read_root("prior")),
            torch_generator(0, 0, "deconfound"),
        )
        tags = torch.from_numpy(np.stack([data.tag_vector(i) for i in train]))
        attention.learn(queries[: len(train)], tags, 20, 0.01)
        with torch.no_grad():
            contexts, alphas = (x.numpy() for x in attention(queries))
        assert found.settings == {"steps": 20, "learning_rate": 0.01}
        for i, context, alpha in zip(ids, contexts, alphas, strict=True):
            np.testing.assert_array_equal(found.read(i, "mask"), context)
            np.testing.assert_array_equal(found.read(i, "alpha"), alpha)


def test_shuffled_is_a_permutation_of_own(
    predictions: Path, manifest_path: str, default: Path, data: Manifest, tmp_path: Path
) -> None:
    """The same M's and alphas, each with another image of its list."""
    ids, count = data.ids("train", "val"), len(data.ids("train"))
    other = causal_step(predictions, manifest_path, tmp_path / "other", assignment="shuffled")
    with (
        StoreReader(default / "context.h5", "context", ids) as own,
        StoreReader(other / "context.h5", "context", ids) as shuffled,
    ):
        assert shuffled.settings == {**own.settings, "assignment": "shuffled"}
        places = shuffle_places((count, len(ids) - count), (0, 0, "deconfound", "assignment"))
        for image_id, place in zip(ids, places, strict=True):
            assert ids[place] != image_id
            for name in ("mask", "alpha"):
                expected = own.read(ids[place], name)
                np.testing.assert_array_equal(shuffled.read(image_id, name), expected)
        for name in ("mean", "deviation"):
            np.testing.assert_array_equal(shuffled.read_root(name), own.read_root(name))


def test_truth_needs_no_prediction(manifest_path: str, data: Manifest, tmp_path: Path) -> None:
    """Both stores from ground truth alone: there is no file of predictions."""
    ids = data.ids("train", "val")
    folder = causal_step(tmp_path, manifest_path, tmp_path / "truth", oracle_masks=True, steps=0)
    with (
        StoreReader(folder / "confounders.h5", "confounders") as confounders,
        StoreReader(folder / "context.h5", "context", ids) as found,
    ):
        assert found.settings["masks"] == "truth"
        c, prior = (torch.from_numpy(confounders.read_root(n)) for n in ("masks", "prior"))
        attention = ContextAttention(c, prior, torch_generator(0, 0, "deconfound"))
        truths = [encode_mask(data.read_mask(i), len(data.classes), (6, 5)) for i in ids]
        with torch.no_grad():
            contexts, _ = attention(torch.from_numpy(np.stack(truths)))
        for i, context in zip(ids, contexts, strict=True):
            np.testing.assert_array_equal(found.read(i, "mask"), context.numpy())


def test_truth_is_refused_without_masks(data: Manifest, tmp_path: Path) -> None:
    """Of a validation image, before the confounder set is built."""
    last = data.ids("val")[-1]
    images = {**data.images, last: replace(data.images[last], mask=None)}
    replace(data, images=images).save(tmp_path / "dataset.json")
    with pytest.raises(ContaError, match=f"1 images have no ground-truth mask, among .*'{last}'"):
        causal_step(tmp_path, str(tmp_path / "dataset.json"), tmp_path / "x", oracle_masks=True)
    assert not list((tmp_path / "x").iterdir())


def test_by_class(
    predictions: Path, manifest_path: str, default: Path, data: Manifest, tmp_path: Path
) -> None:
    """The summands of the same M's, with the same alphas."""
    ids, train, count = data.ids("train", "val"), data.ids("train"), len(data.classes)
    other = causal_step(predictions, manifest_path, tmp_path / "other", maps="classes")
    with (
        StoreReader(default / "context.h5", "context", ids) as whole,
        StoreReader(other / "context.h5", "context", ids) as found,
    ):
        assert found.settings == {**whole.settings, "maps": "classes"}
        for i in ids:
            require(found.read(i, "mask"), np.float32, (count, 6, 5))
            np.testing.assert_array_equal(found.read(i, "alpha"), whole.read(i, "alpha"))
            np.testing.assert_allclose(
                found.read(i, "mask").sum(axis=0), whole.read(i, "mask"), atol=1e-6
            )
        training = np.stack([found.read(i, "mask") for i in train])
        np.testing.assert_allclose(found.read_root("mean"), training.mean(0), atol=1e-6)
        deviation = (training - training.mean(0)).std()
        assert float(found.read_root("deviation")) == pytest.approx(deviation, rel=1e-3)


def test_the_mere_shape(
    predictions: Path, manifest_path: str, default: Path, data: Manifest, tmp_path: Path
) -> None:
    """Where the image's own mask has an object, of whichever class; alphas stay."""
    ids = data.ids("train")
    other = causal_step(predictions, manifest_path, tmp_path / "other", maps="shape")
    with (
        StoreReader(default / "context.h5", "context", ids) as whole,
        StoreReader(other / "context.h5", "context", ids) as found,
        StoreReader(predictions / "train_masks.h5", "train_masks", ids) as masks,
    ):
        assert found.settings == {**whole.settings, "maps": "shape"}
        for i in ids:
            shape = resize_mask((masks.read(i, "mask") != 0).astype(np.float32), (6, 5))
            require(found.read(i, "mask"), np.float32, (6, 5))
            np.testing.assert_allclose(found.read(i, "mask"), shape, atol=1e-6)
            np.testing.assert_array_equal(found.read(i, "alpha"), whole.read(i, "alpha"))
        assert not np.allclose(found.read_root("mean"), whole.read_root("mean"))


def test_with_background(
    predictions: Path, manifest_path: str, default: Path, data: Manifest, tmp_path: Path
) -> None:
    """One entry more in the set, the alphas and the sum; it takes part in the learning."""
    folder = causal_step(predictions, manifest_path, tmp_path / "background", background=True)
    entries, ids = len(data.classes) + 1, data.ids("train", "val")
    with (
        StoreReader(folder / "confounders.h5", "confounders") as confounders,
        StoreReader(default / "confounders.h5", "confounders") as classes,
        StoreReader(folder / "context.h5", "context", ids, data.classes) as found,
    ):
        assert confounders.settings["background"] is True
        c, prior = confounders.read_root("masks"), confounders.read_root("prior")
        np.testing.assert_array_equal(c[1:], classes.read_root("masks"))
        np.testing.assert_allclose(prior, np.full(entries, 1 / entries), rtol=1e-6)
        for i in ids:
            alpha = found.read(i, "alpha")
            require(alpha, np.float32, (entries,))
            expected = np.einsum("n,nhw->hw", alpha * prior, c)
            np.testing.assert_allclose(found.read(i, "mask"), expected, atol=1e-6)
        alphas = np.stack([found.read(i, "alpha") for i in data.ids("train")])
        # the scores learn that the background is in every image
        assert alphas[:, 0].mean() > 1 / entries
