"""Every registered segmentation network: shapes, scales, what learns, files, frozen features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from conta_core.networks.any_model import load_model
from conta_core.networks.segmentation import predict
from conta_core.networks.segmenters.base import SegmentationNetwork
from conta_core.networks.segmenters.files import description, load_segmentation
from conta_core.settings.choices import SEGMENTATION_NETWORKS
from conta_core.stages.train_deeplab import MscObjective
from conta_core.storage.model_files import save_model
from conta_core.tools.exporting.models import export_onnx

NAMES = tuple(SEGMENTATION_NETWORKS)
CLASSES = ("cow", "dog")
#: in place of 256, which is slow
WIDTH = 16


def settings_of(name: str, **change: Any) -> Any:
    kind = SEGMENTATION_NETWORKS[name].load_settings()
    own = {"head_channels": WIDTH} if "head_channels" in kind.model_fields else {}
    return kind(**{"weights": "none", "output_stride": 16, **own, **change})


def architecture_of(name: str, settings: Any) -> dict[str, Any]:
    network = SEGMENTATION_NETWORKS[name].load_code()
    keys = {*network.keys, "scales", "backbone", "weights", "output_stride"}
    return {**settings.model_dump(mode="json", include=keys), "seed": 1}


def build(name: str, **change: Any) -> SegmentationNetwork:
    network = SEGMENTATION_NETWORKS[name].load_code()
    made: SegmentationNetwork = network(2, **architecture_of(name, settings_of(name, **change)))
    return made


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(64, 64), (65, 97)])
@torch.no_grad()
def test_logits_at_any_size(name: str, size: tuple[int, int]) -> None:
    model = build(name, scales=(0.5,)).train()
    outputs = model(draw(2, 3, *size))
    assert len(outputs) == 3
    stride = model.backbone.strides[model.taps[0] - 1]
    assert outputs[0].shape == (2, 3, -(-size[0] // stride), -(-size[1] // stride))
    assert outputs[-1].shape == outputs[0].shape
    assert torch.equal(model.eval()(draw(2, 3, *size)), outputs[-1])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("frozen", range(6))
@torch.no_grad()
def test_frozen_features_and_the_rest_make_the_whole(name: str, frozen: int) -> None:
    model = build(name).eval()
    images = draw(2, 3, 48, 48)
    parts = model.frozen(images, frozen + 1)
    assert torch.equal(model.logits(parts, frozen + 1), model(images))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("frozen", [0, 3])
@pytest.mark.parametrize(
    ("backbone", "batch_norm", "stride"),
    [
        ("efficientnet_lite0_stage5", "frozen", 16),
        ("resnet18", "trained", 16),
        ("timm:convnext_atto", "frozen", 32),
    ],
)
def test_all_that_should_learn_learns(
    name: str, frozen: int, backbone: str, batch_norm: str, stride: int
) -> None:
    """A step changes every parameter of the head and of the blocks that are not frozen.

    Only the scale and shift of batch norms stay as they are where batch_norm is frozen.
    """
    settings = settings_of(
        name, backbone=backbone, batch_norm=batch_norm, output_stride=stride, frozen_blocks=frozen
    )
    model = build(name, backbone=backbone, output_stride=stride)
    if batch_norm == "trained":
        model.backbone.train_batch_norms(frozen)
    objective = MscObjective(model, frozen, None).train()
    # in torchvision's and timm's networks some begin at 0, behind which nothing learns at once
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * draw(*parameter.shape))
    before = {key: value.detach().clone() for key, value in model.named_parameters()}
    groups = model.groups(settings)
    optimizer = torch.optim.SGD([g for g in groups if g["params"]], lr=0.1)
    images = torch.randint(0, 256, (2, 3, 96, 96), generator=torch.Generator().manual_seed(1))
    labels = torch.randint(0, 3, (2, 96, 96), generator=torch.Generator().manual_seed(2))
    features = objective.frozen(images.to(torch.uint8))
    sums, counts = objective(features, {"labels": labels.to(torch.uint8)})
    objective.loss(sums, counts).backward()
    optimizer.step()
    norms = {
        f"{name}.{key}"
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.BatchNorm2d)
        for key, _ in module.named_parameters(recurse=False)
    }
    fixed = {
        key for key in before if any(key.startswith(f"backbone.blocks.{k}.") for k in range(frozen))
    }
    if batch_norm == "frozen":
        fixed |= norms
    changed = {
        key for key, value in model.named_parameters() if not torch.equal(value, before[key])
    }
    assert changed == set(before) - fixed


@pytest.mark.parametrize("name", NAMES)
def test_files(name: str, tmp_path: Path) -> None:
    """A file says which network it holds, and gives the same logits."""
    settings = settings_of(name)
    model = build(name).eval()
    kind, described = description(name, architecture_of(name, settings))
    path = tmp_path / "model.safetensors"
    save_model(path, model, kind, CLASSES, described)
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    expected = predict(model, image)
    for loaded in (load_segmentation(path, CLASSES), load_model(path)):
        assert type(loaded) is type(model)
        np.testing.assert_array_equal(predict(loaded, image), expected)


@pytest.mark.parametrize("name", NAMES)
def test_onnx(name: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    settings = settings_of(name)
    model = build(name).eval()
    kind, described = description(name, architecture_of(name, settings))
    path = tmp_path / "model.safetensors"
    save_model(path, model, kind, CLASSES, described)
    export_onnx(path, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    image = np.random.default_rng(0).integers(0, 256, (75, 62, 3), dtype=np.uint8)
    (found,) = session.run(None, {"images": image[None]})
    np.testing.assert_allclose(found[0], predict(model, image), atol=1e-4)
