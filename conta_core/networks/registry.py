"""Backbones by the name that the config gives them."""

from __future__ import annotations

from pathlib import Path

import torch

from conta_core.errors import ContaError
from conta_core.networks.backbones.backbone import BLOCKS, Backbone
from conta_core.networks.backbones.lite import LITE, efficientnet_lite0
from conta_core.networks.backbones.msra_resnet import MSRA_RESNET101, msra_resnet101
from conta_core.networks.backbones.resnets import IRNET_RESNET50, RESNETS, irnet_resnet50, resnet
from conta_core.networks.backbones.timm_networks import timm_network
from conta_core.storage.model_files import load_tensors

__all__ = ["BLOCKS", "Backbone", "build_backbone"]

NAMES = (*RESNETS, IRNET_RESNET50, MSRA_RESNET101, *LITE)


def build_backbone(name: str, weights: str, output_stride: int) -> Backbone:
    """Make a backbone.

    Args:
        name: ``resnet18``, ``resnet50``, ``resnet101``, ``irnet_resnet50`` (IRNet's: output
            stride 16 without dilation), ``deeplab_resnet101`` (deeplab-pytorch's, MSRA style:
            output stride 8), ``efficientnet_lite0``, ``efficientnet_lite0_stage5`` (the same
            network cut after its fifth stage) or ``timm:<name>`` (any timm network with five
            feature levels).
        weights: ``imagenet``, ``none`` (random, from torch's current random state) or a
            .safetensors file of this backbone, such as ``conta import-weights`` writes.
        output_stride: stride of the last block, 8, 16 or 32 (dilated beyond).

    Raises:
        ContaError: an unknown name, an output stride that the network does not have, or
            weights that do not exist or do not fit.
    """
    backbone = _by_name(name, weights == "imagenet", output_stride)
    if weights not in ("imagenet", "none"):
        load_tensors(backbone, Path(weights))
    return backbone.to(memory_format=torch.channels_last)


def _by_name(name: str, pretrained: bool, output_stride: int) -> Backbone:
    if name in RESNETS:
        return resnet(name, pretrained, output_stride)
    if name == IRNET_RESNET50:
        return irnet_resnet50(pretrained, output_stride)
    if name == MSRA_RESNET101:
        return msra_resnet101(pretrained, output_stride)
    if name in LITE:
        return efficientnet_lite0(name == LITE[0], pretrained, output_stride)
    if name.startswith("timm:"):
        return timm_network(name.removeprefix("timm:"), pretrained, output_stride)
    raise ContaError(f"backbone is {name!r}; expected one of {', '.join(NAMES)} or timm:<name>")
