"""Any timm network with five feature levels, cut into five blocks."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from conta_core.errors import ContaError
from conta_core.networks.backbones.backbone import BLOCKS, Backbone


def timm_network(name: str, pretrained: bool, output_stride: int) -> Backbone:
    """A timm network as a backbone.

    Args:
        name: timm's.
        pretrained: with timm's weights for this name, else random ones.
        output_stride: 8, 16 or 32, where the network can have it.

    Raises:
        ContaError: timm cannot make it, or it cannot be cut into five blocks.
    """
    import timm

    try:
        network: Any = timm.create_model(
            name, features_only=True, pretrained=pretrained, output_stride=output_stride
        )
    except (RuntimeError, ValueError, TypeError, AttributeError, NotImplementedError) as error:
        raise ContaError(
            f"backbone is 'timm:{name}': timm cannot make its features at output stride "
            f"{output_stride} ({error}); choose another"
        ) from None
    cfg = timm.data.resolve_data_config({}, model=network)
    blocks = _cut(network, f"timm:{name}")
    with torch.no_grad():
        size = 64
        outputs = Backbone(blocks, (), ()).eval()(torch.zeros(1, 3, size, size))
    channels = [output.shape[1] for output in outputs]
    strides = [size // output.shape[-1] for output in outputs]
    return Backbone(blocks, channels, strides, cfg["mean"], cfg["std"])


def _cut(network: Any, name: str) -> list[nn.Module]:
    """Cut timm's feature network after the module that ends each feature level.

    Four levels (ConvNeXt and the like) leave the stem as a block of its own.
    """
    parts: dict[str, nn.Module] = {}
    for child, module in network.named_children():
        nested = isinstance(module, nn.Sequential) and child == "blocks"
        parts |= (
            {f"{child}.{k}": m for k, m in module.named_children()} if nested else {child: module}
        )
    order = list(parts)
    levels = [entry["module"] for entry in network.feature_info]
    found = [level if level in parts else level.replace(".", "_") for level in levels]
    if len(found) == BLOCKS - 1 and found[0] in order:
        found.insert(0, order[max(0, order.index(found[0]) - 1)])
    if len(set(found)) != BLOCKS or not set(found) <= set(order):
        raise ContaError(
            f"backbone is {name!r}: its feature levels end at {levels}, which cannot be cut into "
            f"{BLOCKS} blocks in a row; choose another"
        )
    ends = [order.index(part) + 1 for part in found]
    starts = [0, *ends[:-1]]
    return [
        nn.Sequential(*(parts[part] for part in order[start:end]))
        for start, end in zip(starts, ends, strict=True)
    ]
