"""Conversions of state dicts with the names and shapes of SEAM's and AffinityNet's files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from conta_core import load_model
from conta_core.data.readers.voc import VOC_CLASSES
from conta_core.errors import ContaError
from conta_core.networks.registry import build_backbone
from conta_core.networks.seam_net import SeamNet
from conta_core.storage.model_files import read_backbone_names, read_metadata
from conta_core.tools.importing.import_weights import import_weights
from conta_core.tools.importing.seam import seam_names

#: stage -> units, channels in the middle and at the end
PLAIN = {2: (3, 128, 128), 3: (3, 256, 256), 4: (6, 512, 512), 5: (3, 512, 1024)}
HEADS = {
    "fc8.weight": (21, 4096, 1, 1),
    "f8_3.weight": (64, 512, 1, 1),
    "f8_4.weight": (128, 1024, 1, 1),
    "f9.weight": (192, 195, 1, 1),
}


def shapes(counters: bool) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the published backbone."""
    found: dict[str, tuple[int, ...]] = {"conv1a.weight": (64, 3, 3, 3)}

    def norm(name: str, channels: int) -> None:
        for tensor in ("weight", "bias", "running_mean", "running_var"):
            found[f"{name}.{tensor}"] = (channels,)
        if counters:
            found[f"{name}.num_batches_tracked"] = ()

    channels = 64
    for stage, (units, middle, outputs) in PLAIN.items():
        for index in range(units):
            name = f"b{stage}_{index}" if index else f"b{stage}"
            norm(f"{name}.bn_branch2a", channels)
            found[f"{name}.conv_branch2a.weight"] = (middle, channels, 3, 3)
            norm(f"{name}.bn_branch2b1", middle)
            found[f"{name}.conv_branch2b1.weight"] = (outputs, middle, 3, 3)
            if not index:
                found[f"{name}.conv_branch1.weight"] = (outputs, channels, 1, 1)
            channels = outputs
    for name, outputs in (("b6", 2048), ("b7", 4096)):
        norm(f"{name}.bn_branch2a", channels)
        found[f"{name}.conv_branch2a.weight"] = (outputs // 4, channels, 1, 1)
        norm(f"{name}.bn_branch2b1", outputs // 4)
        found[f"{name}.conv_branch2b1.weight"] = (outputs // 2, outputs // 4, 3, 3)
        norm(f"{name}.bn_branch2b2", outputs // 2)
        found[f"{name}.conv_branch2b2.weight"] = (outputs, outputs // 2, 1, 1)
        found[f"{name}.conv_branch1.weight"] = (outputs, channels, 1, 1)
        channels = outputs
    norm("bn7", channels)
    return found


def published(counters: bool = True, **heads: tuple[int, ...]) -> dict[str, Tensor]:
    """Random tensors of the published names; each one repeats a row, which keeps files small."""
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for name, shape in {**shapes(counters), **heads}.items():
        if name.endswith("num_batches_tracked"):
            tensors[name] = torch.tensor(len(tensors))
        else:
            row = torch.rand((shape[0], *(1 for _ in shape[1:])), generator=generator)
            tensors[name] = row.expand(shape)
    return tensors


def save(tensors: dict[str, Tensor], folder: Path) -> Path:
    torch.save(tensors, folder / "published.pth")
    return folder / "published.pth"


def test_seam_becomes_a_ready_model(tmp_path: Path) -> None:
    tensors, output = published(**HEADS), tmp_path / "ours.safetensors"
    converted = import_weights("seam", save(tensors, tmp_path), output)
    assert converted.dropped == ("fc8.weight[0]",)
    model = load_model(output)
    assert isinstance(model, SeamNet)
    assert not model.training
    assert read_metadata(output)[:2] == ("seam", VOC_CLASSES)
    tensors["fc8.weight"] = tensors["fc8.weight"][1:]
    used = set()
    for key, value in model.state_dict().items():
        (name,) = seam_names(key)
        used.add(name)
        assert torch.equal(value, tensors[name]), (key, name)
    assert used == tensors.keys()


def test_affinitynet_s_imagenet_weights_become_a_backbone(tmp_path: Path) -> None:
    """Converted from MXNet, they have no counters."""
    tensors, output = published(counters=False), tmp_path / "ours.safetensors"
    import_weights("seam", save(tensors, tmp_path), output)
    assert read_backbone_names(output) == ("wide_resnet38",)
    found = build_backbone("wide_resnet38", str(output), 8).state_dict()
    assert torch.equal(found["blocks.0.0.weight"], tensors["conv1a.weight"])
    assert torch.equal(found["blocks.4.2.running_var"], tensors["bn7.running_var"])
    assert torch.equal(found["blocks.2.6.bias"], tensors["b5.bn_branch2a.bias"])
    assert int(found["blocks.4.2.num_batches_tracked"]) == 0


def test_affinitynet_s_cam_net(tmp_path: Path) -> None:
    tensors = published(**{"fc8.weight": (2, 4096, 1, 1)})
    source, output = save(tensors, tmp_path), tmp_path / "ours.safetensors"
    import_weights("seam", source, output, ["cat", "dog"])
    assert read_metadata(output)[:2] == ("cam", ("cat", "dog"))
    head = load_model(output).state_dict()["classifier.weight"]
    assert torch.equal(head, tensors["fc8.weight"])


def test_what_does_not_fit(tmp_path: Path) -> None:
    output = tmp_path / "ours.safetensors"

    def refused(tensors: dict[str, Tensor], classes: list[str] | None = None) -> str:
        with pytest.raises(ContaError) as raised:
            import_weights("seam", save(tensors, tmp_path), output, classes)
        assert not output.exists()
        return str(raised.value)

    assert "no classes" in refused({"conv1a.weight": torch.zeros(1)}, ["cat"])
    assert "missing [conv1a.weight" in refused({"a": torch.zeros(1)})
    assert "expected a 1x1 convolution" in refused({"fc8.weight": torch.zeros(21)})
    lone = {"fc8.weight": torch.zeros(1, 4, 1, 1), "f9.weight": torch.zeros(1)}
    assert "expected a 1x1 convolution" in refused(lone)
