"""SEAM's training and extraction beside its maths, which tests/parity/test_seam.py holds."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from conta_core.networks.seam_net import SeamNet
from conta_core.seeds.cams import class_probabilities
from conta_core.seeds.seam_maps import extract_refined
from conta_core.seeds.seam_training import SeamObjective, SeamTraining
from conta_core.settings.seam import SeamSettings
from conta_core.training.colour_jitter import ColourJitter

CLASSES = 4
KEYS = np.array([1, 3])
BACKBONES = {
    "resnet18": 8,
    "timm:convnext_atto": 32,
    "timm:vit_tiny_patch16_224": 16,
}


def build(backbone: str = "resnet18", output_stride: int = 8, **further: Any) -> SeamNet:
    architecture = {"context_block": None, "seed": 1, **further}
    return SeamNet(
        CLASSES, backbone=backbone, weights="none", output_stride=output_stride, **architecture
    )


def objective(model: SeamNet, **settings: Any) -> SeamObjective:
    return SeamObjective(model, SeamSettings(**{"crop": 64, **settings}))


def batch(count: int = 3) -> tuple[Tensor, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=generator)
    tags = (torch.rand(count, CLASSES, generator=generator) < 0.5).float()
    return images.repeat_interleave(8, 2).repeat_interleave(8, 3), {"tags": tags}


def draw(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("backbone", BACKBONES)
@torch.no_grad()
def test_what_is_frozen_changes_no_loss(backbone: str) -> None:
    """Blocks that ran before give what they give in one go; each image has losses of its own."""
    model = build(backbone, BACKBONES[backbone])
    images, targets = batch()
    expected: Tensor | None = None
    for frozen in (0, 3, 4, 5):
        own = objective(model, frozen_blocks=frozen).eval()
        features = own.frozen(images)
        assert all(len(part) == len(images) for part in features)
        sums, counts = own(features, targets)
        assert sums.isfinite().all()
        assert counts.tolist() == [3.0] * 4
        if expected is None:
            expected = sums
        torch.testing.assert_close(sums, expected, rtol=1e-4, atol=1e-5)
    one_by_one = torch.zeros(4)
    for index in range(len(images)):
        alone = {"tags": targets["tags"][index : index + 1]}
        one_by_one += own(own.frozen(images[index : index + 1]), alone)[0]
    torch.testing.assert_close(one_by_one, sums, rtol=1e-4, atol=1e-5)


def test_weights_of_the_losses() -> None:
    model = build()
    own = objective(model, min_weight=0.0, er_weight=2.0, ecr_weight=3.0)
    sums, counts = torch.tensor([3.0, 30.0, 300.0, 3000.0]), torch.full((4,), 3.0)
    assert float(own.loss(sums, counts)) == pytest.approx(1 + 200 + 3000)


def test_a_class_that_does_not_count_has_no_loss() -> None:
    model = build()
    own = objective(model, dropout=0.0)
    images, targets = batch()
    targets["tags"][:, 2] = 1
    counted = torch.ones(3, CLASSES)
    counted[:, 2] = 0
    sums, _ = own(own.frozen(images), {**targets, "counted": counted})
    sums.sum().backward()
    gradient = model.classifier.weight.grad
    assert gradient is not None
    moved = [bool(one.any()) for one in gradient]
    assert moved == [True, True, False, True]


def test_m_is_read_by_both_views() -> None:
    model = build(context_block=4)
    own = objective(model, frozen_blocks=3, dropout=0.0)
    images, targets = batch()
    features = own.frozen(images)
    losses = [
        own(features, {**targets, "context": context})[0]
        for context in (torch.zeros(3, 1, 8, 8), 9 * torch.rand(3, 1, 8, 8))
    ]
    assert not torch.allclose(losses[0], losses[1])
    count = own._branches[0].parts
    for branch, part in zip(own._branches, (features[:count], features[count:]), strict=True):
        one, other = (branch.maps(part, m).cams for m in (m_of(0.0), m_of(9.0)))
        assert not torch.allclose(one, other)
    with pytest.raises(ValueError, match="reads a context"):
        own(features, targets)


def m_of(value: float) -> Tensor:
    return torch.full((3, 1, 8, 8), value)


@pytest.mark.parametrize(
    ("backbone", "batch_norm"), [("resnet18", "frozen"), ("timm:convnext_atto", "trained")]
)
def test_groups(backbone: str, batch_norm: str) -> None:
    """Backbone, its biases, what is new: each learning tensor in one group."""
    model = build(backbone, BACKBONES[backbone], context_block=5)
    settings = SeamSettings(frozen_blocks=3, learning_rate=0.01, weight_decay=5e-4, crop=64)
    settings = settings.model_copy(update={"batch_norm": batch_norm})
    SeamObjective(model, settings)
    groups = SeamTraining.groups(model, settings)
    found = [(round(group["lr"], 6), group["weight_decay"]) for group in groups]
    assert found == [(0.01, 5e-4), (0.02, 0.0), (0.1, 5e-4), (0.2, 0.0)]
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    members = [[names[id(p)] for p in group["params"]] for group in groups]
    flat = [name for group in members for name in group]
    assert len(set(flat)) == len(flat)
    assert all(name.endswith("bias") for name in members[1])
    assert not any(name.endswith("bias") for name in members[0])
    # nothing that is new has a bias
    assert members[3] == []
    assert set(members[2]) == {
        "classifier.weight",
        "correlation.projections.0.weight",
        "correlation.projections.1.weight",
        "correlation.compare.weight",
        *(name for name in names.values() if "context_inputs" in name),
    }
    learns = {name for name, p in model.named_parameters() if p.requires_grad}
    left_out = learns - set(flat)
    assert all("bn" in name or "downsample.1" in name for name in left_out)
    assert bool(left_out) == (batch_norm == "frozen")


def test_colours() -> None:
    settings = SeamSettings(colour_jitter=(0.1, 0.2, 0.3, 0.4))
    assert SeamTraining.views(settings) == {"recolour": ColourJitter(0.1, 0.2, 0.3, 0.4)}
    assert SeamTraining.views(SeamSettings(colour_jitter=None)) == {}
    with pytest.raises(ValidationError, match="colour_jitter"):
        SeamSettings(colour_jitter=(0.1, 0.2, 0.3, 0.6))


def test_new_weights_hang_on_the_seed_alone() -> None:
    one, again, other = (build(seed=seed).state_dict() for seed in (1, 1, 2))
    for name in one:
        assert torch.equal(one[name], again[name])
    for name in ("classifier.weight", "correlation.compare.weight"):
        assert not torch.equal(one[name], other[name])
    # M's weights move none of them
    reading = build(context_block=5).state_dict()
    assert all(torch.equal(reading[name], value) for name, value in one.items())


@pytest.mark.parametrize("size", [(48, 64), (50, 37)])
def test_maps_of_an_image(size: tuple[int, int]) -> None:
    model = build().eval()
    image = draw(size)
    found = extract_refined(model, image, KEYS, (1.0, 0.5))
    assert found.cam.shape == (2, -(-size[0] // 4), -(-size[1] // 4))
    assert found.high_res.shape == (2, *size)
    assert (found.cam.dtype, found.high_res.dtype) == (np.float32, np.float16)
    for maps in (found.cam, found.high_res):
        assert maps.min() == 0
        assert maps.max() <= 1
    none = extract_refined(model, image, np.zeros(0, np.int64), (0.5,))
    assert none.cam.shape == (0, *found.cam.shape[1:])
    assert none.high_res.shape == (0, *size)
    for other in (none.probability, class_probabilities(model, image)):
        np.testing.assert_allclose(other, found.probability, atol=1e-6)
    every = extract_refined(model, image, np.arange(CLASSES), (1.0, 0.5))
    np.testing.assert_allclose(every.cam[KEYS], found.cam, atol=1e-5)


def test_the_maps_of_a_flipped_image_are_the_flipped_maps() -> None:
    model = build(context_block=5).eval()
    image = draw((48, 64))
    context = np.random.default_rng(1).normal(0, 20, (1, 6, 8)).astype(np.float32)
    plain = extract_refined(model, image, KEYS, (1.0, 0.5), context)
    turned = context[..., ::-1].copy()
    flipped = extract_refined(model, image[:, ::-1].copy(), KEYS, (1.0, 0.5), turned)
    np.testing.assert_allclose(flipped.cam[..., ::-1], plain.cam, atol=2e-2)
    other = extract_refined(model, image, KEYS, (1.0, 0.5), turned)
    assert np.abs(other.probability - plain.probability).max() > 1e-4
    with pytest.raises(ValueError, match="reads a context"):
        extract_refined(model, image, KEYS, (1.0,))
