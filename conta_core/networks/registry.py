"""Backbones by the name that the config gives them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from conta_core.networks.backbones.backbone import BLOCKS, Backbone
from conta_core.networks.backbones.lite import efficientnet_lite0
from conta_core.networks.backbones.msra_resnet import msra_resnet101
from conta_core.networks.backbones.resnets import irnet_resnet50, resnet
from conta_core.networks.backbones.timm_networks import timm_network
from conta_core.networks.backbones.wide_resnet import wide_resnet38
from conta_core.runtime.registry import Registry
from conta_core.storage.model_files import load_tensors

__all__ = ["BLOCKS", "Backbone", "build_backbone"]

#: takes the backbone's name, whether ImageNet's weights are asked for, and the output stride
Maker = Callable[[str, bool, int], Backbone]

#: name -> what makes it
BACKBONES: Registry[Maker] = Registry(
    "backbone",
    {
        "resnet18": resnet,
        "resnet50": resnet,
        "resnet101": resnet,
        "irnet_resnet50": lambda name, pretrained, stride: irnet_resnet50(pretrained, stride),
        "deeplab_resnet101": lambda name, pretrained, stride: msra_resnet101(pretrained, stride),
        "wide_resnet38": lambda name, pretrained, stride: wide_resnet38(pretrained, stride),
        "efficientnet_lite0": efficientnet_lite0,
        "efficientnet_lite0_stage5": efficientnet_lite0,
        "timm:": lambda name, pretrained, stride: timm_network(
            name.removeprefix("timm:"), pretrained, stride
        ),
    },
)


def build_backbone(name: str, weights: str, output_stride: int) -> Backbone:
    """Make a backbone.

    Args:
        name: ``resnet18``, ``resnet50``, ``resnet101``, ``irnet_resnet50`` (IRNet's: output
            stride 16 without dilation), ``deeplab_resnet101`` (deeplab-pytorch's, MSRA style:
            output stride 8), ``wide_resnet38`` (AffinityNet's and SEAM's: output stride 8),
            ``efficientnet_lite0``, ``efficientnet_lite0_stage5`` (the same network cut after its
            fifth stage) or ``timm:<name>`` (any timm network with five feature levels).
        weights: ``imagenet``, ``none`` (random, from torch's current random state) or a
            .safetensors file of this backbone, such as ``conta import-weights`` writes.
        output_stride: stride of the last block, 8, 16 or 32 (dilated beyond).

    Raises:
        ContaError: an unknown name, an output stride that the network does not have, or
            weights that do not exist or do not fit.
    """
    backbone = BACKBONES[name](name, weights == "imagenet", output_stride)
    if weights not in ("imagenet", "none"):
        load_tensors(backbone, Path(weights))
    return backbone.to(memory_format=torch.channels_last)
