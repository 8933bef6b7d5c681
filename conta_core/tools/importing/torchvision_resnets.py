"""Weights of torchvision's ResNets (or of others with the same names) as backbones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from conta_core.errors import ContaError
from conta_core.networks.registry import build_backbone
from conta_core.tools.importing.converted import ConvertedBackbone
from conta_core.tools.importing.key_map import load_published

#: the ImageNet classifier
HEAD = ("fc.weight", "fc.bias")
STEM = ("conv1", "bn1")


def convert_torchvision(
    path: Path, tensors: Mapping[str, Tensor], classes: Sequence[str] | None
) -> ConvertedBackbone:
    """A ResNet-18, -50 or -101 without its classifier.

    Raises:
        ContaError: keys or shapes that do not fit, or classes given.
    """
    if classes is not None:
        raise ContaError("--classes: a backbone has none; leave the option out")
    name = _guess(tensors)
    backbone = build_backbone(name, "none", 32)
    dropped = tuple(name for name in HEAD if name in tensors)
    load_published(backbone, tensors, lambda key: (torchvision_name(key),), path, dropped)
    fits = (name, "irnet_resnet50") if name == "resnet50" else (name,)
    return ConvertedBackbone(backbone, fits, dropped)


def torchvision_name(key: str) -> str:
    """Torchvision's name of a tensor of our backbones (``blocks.<k>.<rest>``)."""
    _, block, rest = key.split(".", 2)
    if block == "0":
        index, rest = rest.split(".", 1)
        return f"{STEM[int(index)]}.{rest}"
    return f"layer{block}.{rest}"


def _guess(tensors: Mapping[str, Tensor]) -> str:
    """The network that the keys look like; whether they fit it is asked afterwards."""
    if "layer1.0.conv3.weight" not in tensors:
        return "resnet18"
    return "resnet101" if "layer3.6.conv1.weight" in tensors else "resnet50"
