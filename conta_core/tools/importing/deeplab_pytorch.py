"""Weights of deeplab-pytorch (kazuto1011): a DeepLab v2, or the COCO weights it starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from conta_core.errors import ContaError
from conta_core.networks.backbones.msra_resnet import MSRA_RESNET101, OUTPUT_STRIDE
from conta_core.networks.registry import build_backbone
from conta_core.networks.segmenters.deeplab_v2 import DeepLab
from conta_core.networks.segmenters.files import V2_KIND
from conta_core.tools.importing.converted import ConvertedBackbone, ConvertedModel, name_classes
from conta_core.tools.importing.key_map import load_published

ARCHITECTURE: dict[str, Any] = {
    "backbone": MSRA_RESNET101,
    "weights": "none",
    "output_stride": OUTPUT_STRIDE,
    "aspp_rates": [6, 12, 18, 24],
    "scales": [0.5, 0.75],
    "seed": 0,
}
COCO_STUFF_OUTPUTS = 182
#: heads of other class counts that initial weights may carry: DeepLab v1's, or an ASPP
HEADS = (
    "fc.weight",
    "fc.bias",
    *(f"aspp.c{index}.{part}" for index in range(4) for part in ("weight", "bias")),
)
PARTS = ("conv", "bn")


def convert_deeplab_pytorch(
    path: Path, tensors: Mapping[str, Tensor], classes: Sequence[str] | None
) -> ConvertedModel | ConvertedBackbone:
    """A whole DeepLab v2 with MSC (names below ``base.``), or initial weights (without it).

    Raises:
        ContaError: keys or shapes that do not fit, or classes that do not.
    """
    if any(name.startswith("base.") for name in tensors):
        return _convert_model(path, tensors, classes)
    if classes is not None:
        raise ContaError(
            f"{path}: no names below base., so these are initial weights of a backbone, which has "
            "no classes; leave --classes out"
        )
    backbone = build_backbone(MSRA_RESNET101, "none", OUTPUT_STRIDE)
    dropped = tuple(name for name in HEADS if name in tensors)
    load_published(backbone, tensors, lambda key: (backbone_name(key),), path, dropped)
    return ConvertedBackbone(backbone, (MSRA_RESNET101,), dropped)


def deeplab_names(key: str) -> tuple[str, ...]:
    """The name of a DeepLab's tensor in deeplab-pytorch's file."""
    if key.startswith("aspp.branches."):
        _, _, index, part = key.split(".")
        return (f"base.aspp.c{index}.{part}",)
    return (f"base.{backbone_name(key.removeprefix('backbone.'))}",)


def backbone_name(key: str) -> str:
    """deeplab-pytorch's name of a tensor of the backbone (``blocks.<k>.<rest>``)."""
    _, block, rest = key.split(".", 2)
    if block == "0":
        index, tensor = rest.split(".")
        return f"layer1.conv1.{PARTS[int(index)]}.{tensor}"
    unit, convolution, index, tensor = rest.split(".")
    place = f"layer{int(block) + 1}.block{int(unit) + 1}.{convolution}"
    return f"{place}.{PARTS[int(index)]}.{tensor}"


def _convert_model(
    path: Path, tensors: Mapping[str, Tensor], classes: Sequence[str] | None
) -> ConvertedModel:
    head = tensors.get("base.aspp.c0.bias")
    if head is None or head.ndim != 1 or len(head) < 2:
        raise ContaError(
            f"{path}: has no base.aspp.c0.bias of two outputs or more; expected a checkpoint of "
            "deeplab-pytorch's DeepLab v2 with MSC"
        )
    outputs = len(head)
    if outputs == COCO_STUFF_OUTPUTS and classes is None:
        raise ContaError(
            f"{path}: {outputs} outputs, as for COCO-Stuff, which has no background class, while "
            "output 0 is the background here; to take it so, name the other 181 with --classes"
        )
    model = DeepLab(outputs - 1, **ARCHITECTURE)
    load_published(model, tensors, deeplab_names, path)
    names = name_classes(classes, outputs - 1, f"{path}: {outputs} outputs")
    return ConvertedModel(model, V2_KIND, names, dict(ARCHITECTURE))
