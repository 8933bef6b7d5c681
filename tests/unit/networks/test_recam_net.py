from __future__ import annotations

from typing import Any

import torch

from conta_core.networks.cam_net import CamNet
from conta_core.networks.recam_net import RecamNet, build_recam_net

SMALL: dict[str, Any] = {"backbone": "resnet18", "weights": "none", "output_stride": 16}


def test_beside_the_second_classifier_it_is_the_classifier() -> None:
    """Also what it draws: the second one has a seed of its own."""
    for context in ({}, {"context_block": 5, "context_channels": 2, "attention": (2, 3, 4)}):
        plain = CamNet(3, **SMALL, seed=4, **context).state_dict()
        own = RecamNet(3, **SMALL, seed=4, **context).state_dict()
        assert own.keys() - plain.keys() == {"recam.weight"}
        for key, value in plain.items():
            assert torch.equal(own[key], value), key


def test_weights_hang_on_the_seed_alone() -> None:
    state = torch.random.get_rng_state()
    one = RecamNet(3, **SMALL, seed=4).recam.weight
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.randn(5)
    assert torch.equal(RecamNet(3, **SMALL, seed=4).recam.weight, one)
    assert not torch.equal(RecamNet(3, **SMALL, seed=5).recam.weight, one)
    assert one.shape == (3, 512, 1, 1)


def test_a_class_without_a_positive_cam_has_no_features() -> None:
    model = RecamNet(2, **SMALL)
    with torch.no_grad():
        model.classifier.weight[0] = 1.0
        model.classifier.weight[1] = -1.0
    features = torch.rand(1, 512, 3, 4).requires_grad_()
    logits = model.of_classes(features)
    assert torch.equal(logits[0, 1], torch.zeros(2))
    assert float(logits[0, 0].detach().abs().max()) > 0
    logits.square().sum().backward()
    assert features.grad is not None
    assert bool(features.grad.isfinite().all())


def test_maps_are_those_of_the_product() -> None:
    model = RecamNet(2, **SMALL).eval()
    images = torch.randn(1, 3, 36, 48)
    with torch.no_grad():
        features = model.backbone(images)[-1]
        found = model.activation_maps(images)
        model.classifier.weight.mul_(model.recam.weight)
        assert torch.equal(found, CamNet.class_maps(model, features))


def test_built_from_its_file_without_a_download() -> None:
    architecture = {**SMALL, "weights": "imagenet", "seed": 1}
    assert isinstance(build_recam_net(2, architecture), RecamNet)
