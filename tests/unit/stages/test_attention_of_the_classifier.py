"""W1 and W2 inside the classifier (context.learning: classifier)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from chain import CAM, CONTEXT, Chain, causal
from safetensors.torch import load_file

from conta_core.causal.conta.attention import ContextAttention
from conta_core.causal.conta.context_ingredients import ContextIngredients
from conta_core.causal.conta.predicted_masks import encode_mask
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.images.photographs import read_image
from conta_core.networks.cam_net import CamNet, build_cam_net
from conta_core.networks.loading import load_network
from conta_core.seeds.cams import extract
from conta_core.settings.load import load_experiments
from conta_core.storage.model_files import read_metadata
from conta_core.storage.stores.reader import StoreReader

SIZE = (6, 5)


@pytest.fixture(scope="module")
def ingredients(chain: Chain) -> dict[str, str]:
    names = ("confounders", "train_masks", "logits")
    return {name: chain.path(f"{name}.h5") for name in names}


@pytest.fixture(scope="module")
def trained(
    chain: Chain, ingredients: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The classifier with literal M, before and after it learned."""
    folder = tmp_path_factory.mktemp("inside")
    literal = CONTEXT.model_copy(update={"learning": "classifier", "scaling": "none"})
    paths = folder / "before.safetensors", folder / "after.safetensors"
    for path, rate in zip(paths, (0.0, CAM.learning_rate), strict=True):
        chain.train_cam(
            output=str(path),
            round_index=1,
            causal=causal(literal, **ingredients),
            settings=CAM.model_copy(update={"learning_rate": rate}),
        )
    return paths


def test_ingredients_are_what_the_equation_needs(
    ingredients: dict[str, str], data: Manifest
) -> None:
    ids = data.ids("train", "val")
    found = ContextIngredients(ingredients, "none", data, ids)
    with StoreReader(ingredients["confounders"], "confounders") as store:
        c, prior = store.read_root("masks"), store.read_root("prior")
    np.testing.assert_allclose(found[ids[0]], c * prior[:, None, None], rtol=1e-6)
    with StoreReader(ingredients["train_masks"], "train_masks") as store:
        for i in data.ids("train"):
            expected = encode_mask(store.read(i, "mask"), len(data.classes), SIZE)
            np.testing.assert_array_equal(found.query(i), expected)
    assert found.query(data.ids("val")[0]).shape == SIZE
    scaled = ContextIngredients(ingredients, "standardise", data, ids)[ids[0]]
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    assert scaled.std() == pytest.approx(1, rel=1e-5)


def test_m_is_the_equation_s(ingredients: dict[str, str], data: Manifest) -> None:
    """The network makes of them what the attention makes, flipped where they are flipped."""
    ids = data.ids("train")
    found = ContextIngredients(ingredients, "none", data, ids)
    model = CamNet(
        len(data.classes), "efficientnet_lite0", "none", 16, 5, attention=found.confounders.shape
    )
    model.attend_to(found.confounders, found.prior)
    attention = ContextAttention(
        torch.from_numpy(found.confounders), torch.from_numpy(found.prior), torch.Generator()
    )
    assert model.attention is not None
    attention.load_state_dict(model.attention.state_dict())
    queries = torch.from_numpy(np.stack([found.query(i) for i in ids[:4]]))
    summands = torch.from_numpy(np.stack([found[i] for i in ids[:4]]))
    expected, _ = attention(queries)
    made = model.read_context(summands, queries)
    assert made is not None
    torch.testing.assert_close(made[:, 0], expected)
    flipped = model.read_context(summands.flip(-1), queries)
    assert flipped is not None
    torch.testing.assert_close(flipped[:, 0], expected.flip(-1))
    with pytest.raises(ValueError, match="was given no X_m"):
        model.read_context(summands, None)


def test_w1_and_w2_learn(trained: tuple[Path, Path], chain: Chain, tmp_path: Path) -> None:
    """By the classifier's loss; the confounder set stays, and so do all other initial weights."""
    before, after = (load_file(path) for path in trained)
    for name in ("w1", "w2"):
        assert not torch.equal(before[f"attention.{name}"], after[f"attention.{name}"])
    for name in ("confounders", "prior"):
        assert torch.equal(before[f"attention.{name}"], after[f"attention.{name}"])
    chain.train_cam(
        output=str(tmp_path / "given.safetensors"),
        round_index=1,
        causal=causal(context=chain.path("context.h5")),
        settings=CAM.model_copy(update={"learning_rate": 0.0}),
    )
    given = load_file(tmp_path / "given.safetensors")
    assert set(before) - set(given) == {
        f"attention.{n}" for n in ("w1", "w2", "confounders", "prior")
    }
    for key, value in given.items():
        assert torch.equal(before[key], value), key


def test_cams_are_those_of_a_classifier_that_is_given_this_m(
    trained: tuple[Path, Path], ingredients: dict[str, str], data: Manifest
) -> None:
    found = ContextIngredients(ingredients, "none", data, data.ids("train", "val"))
    inside = load_network(trained[1], "cam", build_cam_net, data.classes)
    _, _, architecture = read_metadata(trained[1])
    assert architecture.pop("attention") == list(found.confounders.shape)
    plain = build_cam_net(len(data.classes), architecture)
    state = load_file(trained[1])
    plain.load_state_dict({k: v for k, v in state.items() if not k.startswith("attention.")})
    plain.eval()
    assert inside.attention is not None
    attention = ContextAttention(
        torch.from_numpy(found.confounders), torch.from_numpy(found.prior), torch.Generator()
    )
    attention.load_state_dict(inside.attention.state_dict())
    for image_id in (data.ids("train")[0], data.ids("val")[0]):
        image, keys = read_image(data.images[image_id].image), data.tag_indices(image_id)
        with torch.no_grad():
            m = attention(torch.from_numpy(found.query(image_id))[None])[0].numpy()
        one = extract(inside, image, keys, CAM.scales, found[image_id], found.query(image_id))
        other = extract(plain, image, keys, CAM.scales, m)
        np.testing.assert_allclose(one.probability, other.probability, atol=1e-5)
        np.testing.assert_allclose(one.cam, other.cam, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"maps": "classes"}, "a classifier that makes M itself knows maps: sum alone"),
        ({"assignment": "shuffled"}, "knows assignment: own alone"),
        ({"oracle_masks": True}, "knows oracle_masks: false alone"),
    ],
)
def test_variants_that_need_a_file(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ContaError, match=told):
        load_experiments({"context": {"learning": "classifier", **change}})
