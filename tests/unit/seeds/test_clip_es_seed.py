from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.runtime.threads import map_in_threads
from conta_core.seeds.base import SeedInputs
from conta_core.seeds.clip_es import ClipEs
from conta_core.seeds.softmax_grad_cam import min_max
from conta_core.settings.clip_es import ClipEsSettings
from conta_core.storage.text_embeddings import TextEmbeddings, save_text_embeddings

CLASSES = ("boat", "dog", "ring")
#: height and width of each image
SIZES = {"a": (40, 61), "b": (33, 32), "c": (70, 20)}
WIDTH = 192


@pytest.fixture
def text(tmp_path: Path) -> str:
    """Of one class more than the data set has, in another order."""
    generator = torch.Generator().manual_seed(0)
    path, names = tmp_path / "text.safetensors", ("cat", *CLASSES[::-1])
    draw = torch.randn((6, WIDTH), generator=generator)
    save_text_embeddings(
        path,
        TextEmbeddings(names, ("sea", "sky"), draw[:4], draw[4:], "m", "{}", [[n] for n in names]),
    )
    return str(path)


@pytest.fixture
def data(tmp_path: Path) -> Manifest:
    rng = np.random.default_rng(0)
    records = {}
    for name, size in SIZES.items():
        path = tmp_path / f"{name}.png"
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
        records[name] = ImageRecord(name, str(path), *size, (), None, None)
    return Manifest("set", CLASSES, {"train": tuple(SIZES), "val": ()}, {}, records, None, None)


def seed_of(data: Manifest, text: str, **changes: object) -> ClipEs:
    settings = ClipEsSettings(
        tower="vit_tiny_patch16_224", tower_weights="none", text=text, **changes
    )
    return ClipEs(SeedInputs(data, list(SIZES), settings, 0, torch.device("cpu")))


def test_shapes_and_types(data: Manifest, text: str) -> None:
    seed = seed_of(data, text)
    for name, (height, width) in SIZES.items():
        for keys in (np.array([2]), np.array([0, 1]), np.zeros(0, np.int64)):
            found = seed.cams(name, keys)
            low = (len(keys), -(-height // 4), -(-width // 4))
            assert (found.cam.shape, found.cam.dtype) == (low, np.float32)
            high = (len(keys), height, width)
            assert (found.high_res.shape, found.high_res.dtype) == (high, np.float16)
            assert found.probability is None
            for maps in (found.cam, found.high_res):
                assert np.isfinite(maps).all()
                assert ((maps >= 0) & (maps <= 1)).all()
            if len(keys):
                assert found.high_res.max() > 0.9
    assert seed.files == [text]
    assert seed.noted["text_model"] == "m"
    assert seed.noted["power"] == 2


def test_a_map_hangs_on_its_class_and_its_rivals(data: Manifest, text: str) -> None:
    seed = seed_of(data, text)
    together = seed.cams("a", np.array([0, 1])).cam
    alone = seed.cams("a", np.array([0])).cam
    assert np.abs(together[0] - together[1]).max() > 0.1
    assert np.abs(together[0] - alone[0]).max() > 0.01
    swapped = seed.cams("a", np.array([1, 0])).cam
    np.testing.assert_allclose(swapped[::-1], together, atol=1e-4)


def test_the_same_bits_from_several_threads(data: Manifest, text: str) -> None:
    """Some images at once, with gradients, give what one gives alone."""
    seed = seed_of(data, text)
    keys, names = np.array([0, 2]), [*SIZES] * 4
    alone = {name: seed.cams(name, keys) for name in SIZES}
    found = map_in_threads(lambda name: seed.cams(name, keys), names, 4)
    for name, cams in zip(names, found, strict=True):
        np.testing.assert_array_equal(cams.cam, alone[name].cam)
        np.testing.assert_array_equal(cams.high_res, alone[name].high_res)


@pytest.mark.parametrize(
    "change",
    [
        {"logit_scale": 1.0},
        {"long_side": 32},
        {"attention_blocks": 2},
        {"normalisations": 1},
        {"power": 0},
        {"power": 1},
        {"box_threshold": 0.9},
    ],
)
def test_every_constant_has_a_say(data: Manifest, text: str, change: dict[str, object]) -> None:
    keys = np.array([0, 1])
    plain, changed = (seed_of(data, text, **c).cams("a", keys) for c in ({}, change))
    assert np.abs(plain.cam - changed.cam).max() > 1e-5


def test_a_class_without_text(data: Manifest, text: str) -> None:
    lacking = Manifest("set", ("boat", "cow"), data.lists, {}, data.images, None, None)
    with pytest.raises(ContaError, match="has no text embedding of cow, it has cat, ring, dog"):
        seed_of(lacking, text)


def test_maps_of_one_value_become_0() -> None:
    found = min_max(torch.tensor([[0.5, 0.5], [1.0, 3.0], [0.0, 0.0]]))
    assert found.tolist() == [[0, 0], [0, 1], [0, 0]]
