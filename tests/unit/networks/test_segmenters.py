"""Every registered segmentation network on every kind of backbone.

Shapes, scales, what learns, files, frozen features, photographs in batches, ONNX.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.errors import ContaError
from conta_core.networks.any_model import load_model
from conta_core.networks.cam_net import CamNet
from conta_core.networks.segmentation import predict
from conta_core.networks.segmenters.base import SegmentationNetwork
from conta_core.networks.segmenters.files import description, load_segmentation
from conta_core.runtime.threads import map_in_threads
from conta_core.settings.choices import SEGMENTATION_NETWORKS
from conta_core.stages.train_cam import begin_from
from conta_core.stages.train_deeplab import MscObjective
from conta_core.storage.model_files import read_metadata, save_model
from conta_core.tools.exporting.models import export_onnx
from conta_core.tools.predict.segmenter import SMALLEST_SIDE, Segmenter

NAMES = tuple(SEGMENTATION_NETWORKS)
#: a kind each: a CNN, levels of a transformer, a plain transformer, one that pads images
BACKBONES: dict[str, dict[str, Any]] = {
    "CNN": {"backbone": "efficientnet_lite0_stage5", "output_stride": 16},
    "levels": {"backbone": "timm:pvt_v2_b0", "output_stride": 32},
    "plain": {"backbone": "timm:vit_tiny_patch16_224", "output_stride": 16},
    "padded": {"backbone": "timm:convnext_atto", "output_stride": 32},
}
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


def write(path: Path, name: str, **change: Any) -> SegmentationNetwork:
    """The network, as it was written to a file."""
    model = build(name, **change).eval()
    kind, described = description(name, architecture_of(name, settings_of(name, **change)))
    save_model(path, model, kind, CLASSES, described)
    return model


def photograph(*size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("size", [(64, 64), (65, 97)])
@torch.no_grad()
def test_logits_at_any_size(name: str, backbone: str, size: tuple[int, int]) -> None:
    model = build(name, scales=(0.5,), **BACKBONES[backbone]).train()
    outputs = model(draw(2, 3, *size))
    assert len(outputs) == 3
    stride = model.backbone.strides[model.taps[0] - 1]
    assert outputs[0].shape == (2, 3, -(-size[0] // stride), -(-size[1] // stride))
    assert outputs[-1].shape == outputs[0].shape
    assert torch.equal(model.eval()(draw(2, 3, *size)), outputs[-1])


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_the_smallest_photograph(name: str) -> None:
    model = build(name, scales=(0.5,)).eval()
    assert model(draw(1, 3, SMALLEST_SIDE, SMALLEST_SIDE)).isfinite().all()


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_the_maximum_over_scales(name: str) -> None:
    model = build(name, scales=(0.5, 1.5)).eval()
    images = draw(2, 3, 64, 48)
    parts = [model.head([model.backbone(x)[tap - 1] for tap in model.taps])
             for x in (images, resized(images, (32, 24)), resized(images, (96, 72)))]  # fmt: skip
    same_size = [resized(part, parts[0].shape[-2:]) for part in parts]
    torch.testing.assert_close(model(images), torch.stack(same_size).amax(0))


def resized(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    return F.interpolate(maps, tuple(size), mode="bilinear", align_corners=False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("crop", [64, 96])
@torch.no_grad()
def test_frozen_features_and_the_rest_make_the_whole(name: str, backbone: str, crop: int) -> None:
    """At every scale, however many blocks are frozen, and in half precision nearly so."""
    model = build(name, scales=(0.5,), **BACKBONES[backbone]).train()
    images = photographs_of(crop)
    expected = model(model.backbone.normalise(images))
    labels = torch.zeros(2, crop, crop, dtype=torch.uint8)
    for blocks in (0, 1, 2, 3, 5):
        objective = MscObjective(model, blocks, None).train()
        features = objective.frozen(images)
        for found, whole in zip(objective._outputs(features), expected, strict=True):
            assert torch.equal(found, whole)
        exact, counts = objective(features, {"labels": labels})
        kept, _ = objective([part.half().float() for part in features], {"labels": labels})
        torch.testing.assert_close(kept / counts, exact / counts, atol=0.05, rtol=0.05)


def photographs_of(side: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (2, 3, side, side), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("frozen", [0, 3])
@pytest.mark.parametrize(
    ("backbone", "batch_norm", "stride"),
    [
        ("efficientnet_lite0_stage5", "frozen", 16),
        ("resnet18", "trained", 16),
        ("timm:convnext_atto", "frozen", 32),
        ("timm:pvt_v2_b0", "frozen", 32),
        ("timm:vit_tiny_patch16_224", "frozen", 16),
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
    labels = torch.randint(0, 3, (2, 96, 96), generator=torch.Generator().manual_seed(2))
    features = objective.frozen(photographs_of(96))
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
@pytest.mark.parametrize("backbone", BACKBONES)
def test_files(name: str, backbone: str, tmp_path: Path) -> None:
    """A file says which network it holds, and gives the same logits."""
    path = tmp_path / "model.safetensors"
    model = write(path, name, **BACKBONES[backbone])
    expected = predict(model, photograph(50, 70))
    for loaded in (load_segmentation(path, CLASSES), load_model(path)):
        assert type(loaded) is type(model)
        np.testing.assert_array_equal(predict(loaded, photograph(50, 70)), expected)


def test_files_of_the_other_kinds(tmp_path: Path) -> None:
    """DeepLab v2's are as they were before there were others, so that older versions read them."""
    path = tmp_path / "model.safetensors"
    write(path, "deeplab_v2")
    kind, _, architecture = read_metadata(path)
    assert kind == "deeplab"
    assert "network" not in architecture
    write(path, "segformer")
    kind, _, architecture = read_metadata(path)
    assert (kind, architecture["network"]) == ("segmentation", "segformer")
    settings = settings_of("segformer")
    strange = {**architecture_of("segformer", settings), "network": "unet"}
    save_model(path, build("segformer"), "segmentation", CLASSES, strange)
    with pytest.raises(ContaError, match=r"segmentation\.network is 'unet'; expected one of"):
        load_segmentation(path)
    save_model(path, torch.nn.Linear(2, 2), "cam", CLASSES, {})
    with pytest.raises(ContaError, match=r"of kind 'cam', expected one of deeplab, segmentation"):
        load_segmentation(path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_photographs_in_a_batch(name: str, backbone: str, tmp_path: Path) -> None:
    """Its logits are those of it alone; in another thread to the bit."""
    path = tmp_path / "model.safetensors"
    model = write(path, name, scales=(0.5,), **BACKBONES[backbone])
    segmenter = Segmenter(path)
    images = [np.roll(photograph(75, 66), shift, axis=0) for shift in range(3)]
    expected = [predict(model, image) for image in images]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(segmenter.logits(images), expected, atol=1e-5 * scale, rtol=0)
    one_by_one = map_in_threads(lambda image: segmenter.logits([image])[0], images, 3, ahead=1)
    np.testing.assert_array_equal(list(one_by_one), expected)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backbone", sorted({*BACKBONES} - {"plain"}))
def test_onnx(name: str, backbone: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    path = tmp_path / "model.safetensors"
    model = write(path, name, scales=(0.5,), **BACKBONES[backbone])
    export_onnx(path, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for size in ((75, 66), (64, 96)):
        image = photograph(*size)
        (found,) = session.run(None, {"images": np.stack([image, image[::-1]])})
        expected = np.stack([predict(model, image), predict(model, image[::-1])])
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max(), rtol=0)


def test_onnx_of_a_plain_transformer(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.safetensors"
    write(path, "segformer", **BACKBONES["plain"])
    with pytest.raises(ContaError, match=r"cannot be written as ONNX .*; choose another"):
        export_onnx(path, tmp_path / "model.onnx")
    assert capfd.readouterr().out == ""
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_classifier_begins_from_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model = write(path, name)
    architecture = architecture_of(name, settings_of(name))
    own = {key: architecture[key] for key in ("backbone", "weights", "output_stride")}
    classifier = CamNet(2, **own, seed=9)
    begin_from(classifier, str(path), CLASSES)
    for key, value in classifier.backbone.blocks.state_dict().items():
        assert torch.equal(value, model.backbone.blocks.state_dict()[key])


def test_the_head_learns_faster_than_the_backbone() -> None:
    """Weights by head_factor; what else there is by twice that, without decay."""
    for name in NAMES:
        settings = settings_of(name, learning_rate=0.1, head_factor=4.0, weight_decay=0.01)
        slow, weights, rest = build(name).groups(settings)
        assert (slow["lr"], slow["weight_decay"]) == (0.1, 0.01)
        assert (weights["lr"], weights["weight_decay"]) == (0.4, 0.01)
        assert (rest["lr"], rest["weight_decay"]) == (0.8, 0.0)
        assert {p.ndim for p in weights["params"]} == {4}
        assert {p.ndim for p in rest["params"]} == {1}
