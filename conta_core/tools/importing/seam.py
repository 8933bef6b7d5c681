"""Weights of SEAM (YudeWang/SEAM) and of AffinityNet (jiwoon-ahn/psa), whose networks are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from conta_core.errors import ContaError
from conta_core.networks.backbones.wide_resnet import OUTPUT_STRIDE, WIDE_RESNET38
from conta_core.networks.cam_net import CamNet
from conta_core.networks.registry import build_backbone
from conta_core.networks.seam_net import SEAM_KIND, SeamNet
from conta_core.tools.importing.converted import ConvertedBackbone, ConvertedModel, name_classes
from conta_core.tools.importing.key_map import load_published

ARCHITECTURE: dict[str, Any] = {
    "backbone": WIDE_RESNET38,
    "weights": "none",
    "output_stride": OUTPUT_STRIDE,
    "seed": 0,
    "context_block": None,
}
HEAD, COMPARE = "fc8.weight", "f9.weight"
#: of our heads
HEADS = {
    "classifier.weight": HEAD,
    "correlation.projections.0.weight": "f8_3.weight",
    "correlation.projections.1.weight": "f8_4.weight",
    "correlation.compare.weight": COMPARE,
}
#: of the convolutions and norms of a unit's branch, by their place in ours
PLAIN = {0: "conv_branch2a", 1: "bn_branch2b1", 3: "conv_branch2b1"}
BOTTLENECK = {
    0: "conv_branch2a",
    1: "bn_branch2b1",
    4: "conv_branch2b1",
    5: "bn_branch2b2",
    8: "conv_branch2b2",
}
#: of the norm at the end of each block: it is the first one of the next stage
LAST_NORMS = ("b3.bn_branch2a", "b4.bn_branch2a", "b5.bn_branch2a", "b6.bn_branch2a", "bn7")


def convert_seam(
    path: Path, tensors: Mapping[str, Tensor], classes: Sequence[str] | None
) -> ConvertedModel | ConvertedBackbone:
    """SEAM's network, AffinityNet's CAM net, or the ImageNet weights that both begin from.

    SEAM's output for the background has no place in ours: nothing reads it.

    Raises:
        ContaError: keys or shapes that do not fit, or classes that do not.
    """
    if HEAD not in tensors:
        return _convert_backbone(path, tensors, classes)
    outputs = tensors[HEAD]
    refines = COMPARE in tensors
    count = len(outputs) - refines if outputs.ndim == 4 else 0
    if count < 1:
        raise ContaError(
            f"{path}: {HEAD} is {tuple(outputs.shape)}, expected a 1x1 convolution with an output "
            "for each class (and one for the background in SEAM's file)"
        )
    if not refines:
        plain = CamNet(count, **ARCHITECTURE)
        load_published(plain, tensors, seam_names, path)
        return ConvertedModel(
            plain, "cam", name_classes(classes, count, str(path)), dict(ARCHITECTURE)
        )
    model = SeamNet(count, **ARCHITECTURE)
    load_published(model, {**tensors, HEAD: outputs[1:]}, seam_names, path)
    names = name_classes(classes, count, str(path))
    return ConvertedModel(model, SEAM_KIND, names, dict(ARCHITECTURE), (f"{HEAD}[0]",))


def seam_names(key: str) -> tuple[str, ...]:
    """The name of a network's tensor in the published file."""
    if key in HEADS:
        return (HEADS[key],)
    return (backbone_name(key.removeprefix("backbone.")),)


def backbone_name(key: str) -> str:
    """The published name of a tensor of the backbone (``blocks.<k>.<rest>``)."""
    _, number, place, rest = key.split(".", 3)
    block, unit = int(number), int(place)
    if block == 0 and unit == 0:
        return f"conv1a.{rest}"
    part, _, inner = rest.partition(".")
    if not inner:  # a tensor of the norm itself
        return f"{LAST_NORMS[block]}.{rest}"
    name = _unit_name(block, unit)
    if part == "shortcut":
        return f"{name}.conv_branch1.{inner}"
    index, _, tensor = inner.partition(".")
    if part == "norm":
        return f"{name}.bn_branch2a.{tensor}"
    layer = (BOTTLENECK if block == len(LAST_NORMS) - 1 else PLAIN)[int(index)]
    return f"{name}.{layer}.{tensor}"


def _unit_name(block: int, unit: int) -> str:
    if block == len(LAST_NORMS) - 1:
        return f"b{6 + unit}"
    index = unit - 1 if block == 0 else unit
    return f"b{block + 2}_{index}" if index else f"b{block + 2}"


def _convert_backbone(
    path: Path, tensors: Mapping[str, Tensor], classes: Sequence[str] | None
) -> ConvertedBackbone:
    if classes is not None:
        raise ContaError(
            f"{path}: has no {HEAD}, so these are weights of a backbone, which has no classes; "
            "leave --classes out"
        )
    backbone = build_backbone(WIDE_RESNET38, "none", OUTPUT_STRIDE)
    load_published(backbone, tensors, seam_names, path)
    return ConvertedBackbone(backbone, (WIDE_RESNET38,))
