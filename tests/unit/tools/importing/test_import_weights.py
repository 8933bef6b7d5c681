"""Whole conversions of random state dicts with the published names and shapes."""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor

from conta_core import load_model
from conta_core.data.readers.coco_classes import COCO_CLASSES
from conta_core.data.readers.voc import VOC_CLASSES
from conta_core.errors import ContaError
from conta_core.networks.registry import build_backbone
from conta_core.storage.model_files import read_metadata
from conta_core.tools.importing.converted import ConvertedBackbone
from conta_core.tools.importing.deeplab_pytorch import deeplab_names
from conta_core.tools.importing.import_weights import import_weights
from conta_core.tools.importing.irnet import cam_names, irn_names

KEYS = Path(
    os.environ.get(
        "CONTA_PUBLISHED_KEYS", Path(__file__).resolve().parents[5] / "shared" / "published_keys"
    )
)
FILES = {
    "irnet-cam": ("irnet-cam", cam_names, "cam"),
    "irnet-irn": ("irnet-irn", irn_names, "irn"),
    "deeplab-pytorch": ("deeplab-pytorch-msc", deeplab_names, "deeplab"),
}
#: one path of a module of IRNet's to another of the same module, by regular expression
SAME_IN_BOTH = [
    (r"^edge_layers\.(\d)", lambda m: f"fc_edge{int(m[1]) + 1}"),
    (r"^dp_layers\.(\d)", lambda m: f"fc_dp{int(m[1]) + 1}"),
    (r"^fc_dp7\.4", "mean_shift"),
    (r"^newly_added\.0", "classifier"),
    (r"^backbone\.(\d)", lambda m: f"stage{int(m[1]) + 1}"),
    (r"^stage1\.0", "resnet50.conv1"),
    (r"^stage1\.1", "resnet50.bn1"),
    (r"^stage1\.4", "resnet50.layer1"),
]
STAGES = {
    "irnet-cam": (r"^stage([2-4])\.0", lambda m: f"resnet50.layer{m[1]}"),
    "irnet-irn": (r"^stage([2-5])\.0", lambda m: f"resnet50.layer{int(m[1]) - 1}"),
}


def published(kind: str) -> dict[str, Tensor]:
    """Random tensors of the published names and shapes, the same under names of one tensor."""
    path = KEYS / f"{FILES[kind][0]}.txt"
    if not path.is_file():
        pytest.skip(f"no inventory of a published file {path}")
    made: dict[str, Tensor] = {}
    tensors = {}
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            continue
        name, shape, dtype = line.split()[:3]
        canonical = name
        if kind in STAGES:
            for pattern, other in (*SAME_IN_BOTH, STAGES[kind]):
                canonical = re.sub(pattern, other, canonical)
        if canonical not in made:
            sides = [] if shape == "scalar" else [int(side) for side in shape.split("x")]
            generator = torch.Generator().manual_seed(zlib.crc32(canonical.encode()))
            made[canonical] = (torch.rand(sides, generator=generator) * 9).to(getattr(torch, dtype))
        tensors[name] = made[canonical]
    return tensors


def save(tensors: dict[str, Tensor], folder: Path) -> Path:
    torch.save(tensors, folder / "published.pth")
    return folder / "published.pth"


def refused(kind: str, source: Path, classes: list[str] | None = None) -> str:
    """The error; a finished file at the output stays, and nothing else is left beside it."""
    output = source.parent / "output" / "ours.safetensors"
    output.parent.mkdir(exist_ok=True)
    output.write_text("finished")
    with pytest.raises(ContaError) as raised:
        import_weights(kind, source, output, classes)
    assert output.read_text() == "finished"
    assert [path.name for path in output.parent.iterdir()] == ["ours.safetensors"]
    return str(raised.value)


def deeplab(outputs: int) -> dict[str, Tensor]:
    """A whole checkpoint of deeplab-pytorch for another number of classes."""
    tensors = published("deeplab-pytorch")
    for index in range(4):
        tensors[f"base.aspp.c{index}.weight"] = torch.rand(outputs, 2048, 3, 3)
        tensors[f"base.aspp.c{index}.bias"] = torch.rand(outputs)
    return tensors


def initial_weights() -> dict[str, Tensor]:
    """What deeplab-pytorch starts from: its backbone alone, from Caffe, without counters."""
    return {
        name.removeprefix("base."): value
        for name, value in published("deeplab-pytorch").items()
        if "aspp" not in name and "num_batches" not in name
    }


@pytest.mark.parametrize("kind", FILES)
def test_a_published_file_becomes_a_ready_model(tmp_path: Path, kind: str) -> None:
    _, names, model_kind = FILES[kind]
    tensors = published(kind)
    output = tmp_path / "ours.safetensors"
    converted = import_weights(kind, save(tensors, tmp_path), output)
    assert converted.dropped == ()
    model = load_model(output)
    assert not model.training
    assert read_metadata(output)[:2] == (model_kind, VOC_CLASSES)
    used = set()
    for key, value in model.state_dict().items():
        used |= set(names(key))
        for name in names(key):
            assert torch.equal(value, tensors[name]), (key, name)
    assert used == tensors.keys()


def test_the_last_layers_are_where_they_belong(tmp_path: Path) -> None:
    tensors = published("irnet-irn")
    output = tmp_path / "ours.safetensors"
    import_weights("irnet-irn", save(tensors, tmp_path), output)
    state = load_model(output).state_dict()
    assert torch.equal(state["displacement.join.2.weight"], tensors["dp_layers.6.3.weight"])
    assert torch.equal(state["displacement.join_coarse.1.bias"], tensors["fc_dp6.1.bias"])
    assert torch.equal(state["edge.join.bias"], tensors["fc_edge6.bias"])
    assert torch.equal(state["mean_displacement"], tensors["dp_layers.6.4.running_mean"])


def test_classes_of_one_s_own(tmp_path: Path) -> None:
    tensors = published("irnet-cam")
    tensors |= dict.fromkeys(
        ("classifier.weight", "newly_added.0.weight"), torch.rand(3, 2048, 1, 1)
    )
    source, output = save(tensors, tmp_path), tmp_path / "ours.safetensors"
    text = refused("irnet-cam", source)
    assert "3 foreground classes" in text
    assert "--classes" in text
    assert "but --classes names 2" in refused("irnet-cam", source, ["a", "b"])
    assert "twice" in refused("irnet-cam", source, ["a", "b", "a"])
    assert "empty" in refused("irnet-cam", source, ["a", "", "b"])
    import_weights("irnet-cam", source, output, ["a", "b", "c"])
    assert read_metadata(output)[1] == ("a", "b", "c")


def test_names_of_one_tensor_that_differ(tmp_path: Path) -> None:
    tensors = published("irnet-cam")
    name = "backbone.2.0.3.conv2.weight"
    tensors[name] = tensors[name] + 1
    text = refused("irnet-cam", save(tensors, tmp_path))
    for other in ("resnet50.layer3.3.conv2.weight", "stage3.0.3.conv2.weight", name):
        assert other in text


def test_irn_s_constants_of_the_loss_are_left_out_by_name(tmp_path: Path) -> None:
    tensors = published("irnet-irn")
    constants = {"path_indices0": torch.zeros(3, 2), "disp_target": torch.zeros(1, 2, 34, 1)}
    source, output = save(tensors | constants, tmp_path), tmp_path / "ours.safetensors"
    converted = import_weights("irnet-irn", source, output)
    assert converted.dropped == tuple(constants)
    source = save(tensors | {"path_indices": torch.zeros(1)}, tmp_path)
    assert "left over [path_indices]" in refused("irnet-irn", source)


@pytest.mark.parametrize("kind", ["irnet-cam", "irnet-irn", "deeplab-pytorch"])
def test_another_architecture(tmp_path: Path, kind: str) -> None:
    source = save(dict(torchvision.models.resnet18(weights=None).state_dict()), tmp_path)
    text = refused(kind, source)
    assert str(source) in text
    assert "expected" in text or "missing" in text


def test_the_wrong_one_of_irnet_s_files(tmp_path: Path) -> None:
    assert "missing [" in refused("irnet-irn", save(published("irnet-cam"), tmp_path))
    assert "classifier.weight" in refused("irnet-cam", save(published("irnet-irn"), tmp_path))


@pytest.mark.parametrize("name", ["resnet34", "resnet152", "wide_resnet50_2", "mobilenet_v2"])
def test_other_networks_of_torchvision(tmp_path: Path, name: str) -> None:
    with torch.device("meta"):
        shapes = torchvision.models.get_model(name, weights=None).state_dict()
    tensors = {key: torch.zeros(value.shape, dtype=value.dtype) for key, value in shapes.items()}
    assert "does not fit" in refused("torchvision", save(tensors, tmp_path))


@pytest.mark.parametrize(("name", "output_stride"), [("resnet18", 32), ("resnet50", 8)])
@torch.no_grad()
def test_torchvision_s_become_backbones(tmp_path: Path, name: str, output_stride: int) -> None:
    network = torchvision.models.get_model(name, weights=None).eval()
    source, output = save(dict(network.state_dict()), tmp_path), tmp_path / "ours.safetensors"
    converted = import_weights("torchvision", source, output)
    assert isinstance(converted, ConvertedBackbone)
    assert converted.names[0] == name
    assert converted.dropped == ("fc.weight", "fc.bias")
    backbone = build_backbone(name, str(output), output_stride).eval()
    images = torch.randn(1, 3, 64, 64)
    stem = network.maxpool(network.relu(network.bn1(network.conv1(images))))
    expected = network.layer2(network.layer1(stem))
    torch.testing.assert_close(backbone(images)[2], expected, atol=1e-4, rtol=1e-4)
    if name == "resnet50":
        assert "irnet_resnet50" in converted.names
        build_backbone("irnet_resnet50", str(output), 16)
    with pytest.raises(ContaError, match="does not fit"):
        build_backbone("resnet101", str(output), 8)
    with pytest.raises(ContaError, match="not a model file"):
        load_model(output)


def test_a_backbone_has_no_classes(tmp_path: Path) -> None:
    source = save(dict(torchvision.models.resnet18(weights=None).state_dict()), tmp_path)
    assert "--classes" in refused("torchvision", source, ["cat"])


@pytest.mark.parametrize(
    "heads", [{}, {"fc.weight": (91, 2048, 1, 1), "fc.bias": (91,)}, {"aspp.c3.bias": (91,)}]
)
def test_deeplab_pytorch_s_initial_weights(
    tmp_path: Path, heads: dict[str, tuple[int, ...]]
) -> None:
    tensors = initial_weights() | {name: torch.rand(shape) for name, shape in heads.items()}
    source, output = save(tensors, tmp_path), tmp_path / "ours.safetensors"
    converted = import_weights("deeplab-pytorch", source, output)
    assert isinstance(converted, ConvertedBackbone)
    assert converted.dropped == tuple(heads)
    found = build_backbone("deeplab_resnet101", str(output), 8).state_dict()
    assert torch.equal(
        found["blocks.3.22.conv3x3.1.running_var"],
        tensors["layer4.block23.conv3x3.bn.running_var"],
    )
    assert int(found["blocks.0.1.num_batches_tracked"]) == 0


def test_other_keys_beside_the_initial_weights(tmp_path: Path) -> None:
    source = save(initial_weights() | {"head.weight": torch.zeros(1)}, tmp_path)
    assert "left over [head.weight]" in refused("deeplab-pytorch", source)
    source = save(initial_weights(), tmp_path)
    assert "no classes" in refused("deeplab-pytorch", source, ["cat"])


def test_a_deeplab_of_coco(tmp_path: Path) -> None:
    output = tmp_path / "ours.safetensors"
    import_weights("deeplab-pytorch", save(deeplab(81), tmp_path), output)
    assert read_metadata(output)[:2] == ("deeplab", COCO_CLASSES)


def test_a_deeplab_of_coco_stuff_needs_its_classes(tmp_path: Path) -> None:
    source, output = save(deeplab(182), tmp_path), tmp_path / "ours.safetensors"
    text = refused("deeplab-pytorch", source)
    assert "no background class" in text
    assert "181 with --classes" in text
    import_weights("deeplab-pytorch", source, output, [f"class {k}" for k in range(181)])
    assert len(read_metadata(output)[1]) == 181


def test_unknown_kinds_and_impossible_outputs(tmp_path: Path) -> None:
    source = save({"a": torch.zeros(1)}, tmp_path)
    assert "expected one of irnet-cam" in refused("irnet", source)
    with pytest.raises(ContaError, match=r"ends in \.safetensors"):
        import_weights("irnet-cam", source, tmp_path / "ours.pth")
    (tmp_path / "a.safetensors").mkdir()
    with pytest.raises(ContaError, match="not a file to write"):
        import_weights("irnet-cam", source, tmp_path / "a.safetensors")
    own = source.rename(tmp_path / "own.safetensors")
    with pytest.raises(ContaError, match="is the checkpoint itself"):
        import_weights("irnet-cam", own, own)


def test_coco_s_names(shared_data: Callable[[str], Path]) -> None:
    file = next(shared_data("coco2017_tiny").glob("annotations/instances_*.json"))
    categories = json.loads(file.read_text())["categories"]
    ordered = sorted(categories, key=lambda category: category["id"])
    assert tuple(category["name"] for category in ordered) == COCO_CLASSES
