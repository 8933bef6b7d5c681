"""Any timm network with four or five feature levels, cut into five blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from conta_core.errors import ContaError
from conta_core.networks.backbones.backbone import BLOCKS, Backbone
from conta_core.networks.backbones.padded_backbone import PaddedBackbone
from conta_core.networks.backbones.timm_models import REFUSALS, create
from conta_core.networks.backbones.vision_transformers import plain_transformers, vision_transformer

#: of a network that knows no other
USUAL_STRIDE = 32
#: what networks raise that do not take an image of a size
PROBED = (RuntimeError, AssertionError, ValueError, IndexError)
#: pixels: strides are read off a small square, and sizes that do not fit off a rectangle
SQUARE, RECTANGLE = 64, (65, 97)


def timm_network(name: str, pretrained: bool, output_stride: int) -> Backbone:
    """A timm network as a backbone.

    Args:
        name: timm's.
        pretrained: with timm's weights for this name, else random ones.
        output_stride: 8, 16 or 32, where the network can have it.

    Raises:
        ContaError: timm cannot make it, its weights cannot be had, it cannot be cut into five
            blocks, or it takes images of one size only.
    """
    import timm

    if name.partition(".")[0] in plain_transformers():
        return vision_transformer(name, pretrained, output_stride)
    network, norm = _features(name, pretrained, output_stride)
    cfg = timm.data.resolve_data_config({}, model=network)
    blocks = _cut(network, f"timm:{name}")
    if norm is not None:
        blocks[-1] = nn.Sequential(blocks[-1], norm)
    blocks = _channels_first(blocks, cfg["input_size"][-1], name)
    multiple, channels, strides = _measured(blocks, cfg["input_size"][-1], name)
    if multiple == 1:
        return Backbone(blocks, channels, strides, cfg["mean"], cfg["std"])
    return PaddedBackbone(blocks, channels, strides, cfg["mean"], cfg["std"], multiple=multiple)


class _ChannelsLast(nn.Module):
    """A block with channels last at its input or output, which takes and gives channels first."""

    def __init__(self, block: nn.Module, turns_input: bool, turns_output: bool) -> None:
        super().__init__()
        self.block, self._turns = block, (turns_input, turns_output)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H', W')."""
        if self._turns[0]:
            features = features.permute(0, 2, 3, 1)
        output: Tensor = self.block(features)
        return output.permute(0, 3, 1, 2) if self._turns[1] else output


def _features(name: str, pretrained: bool, output_stride: int) -> tuple[Any, nn.Module | None]:
    """Timm's network that gives features, and the norm of its last ones, which timm leaves out.

    It has the output stride if it knows one. Such networks (ConvNeXt and those of batch norms) give
    their features as they are.
    """
    options: list[dict[str, Any]] = [{"output_stride": output_stride}]
    if output_stride == USUAL_STRIDE:
        # transformers know no output stride; some take no image of another size unless told to
        options += [{"strict_img_size": False}, {}]
    for option in options:
        try:
            network = create(name, pretrained, features_only=True, **option)
        except REFUSALS as error:
            refusal = str(error) or type(error).__name__
            continue
        return network, None if "output_stride" in option else _norm(name, pretrained, option)
    choose = "choose another" if output_stride == USUAL_STRIDE else "try 32, or choose another"
    raise ContaError(
        f"backbone is 'timm:{name}': timm cannot make its features at output stride "
        f"{output_stride} ({refusal}); {choose}"
    )


def _norm(name: str, pretrained: bool, option: dict[str, Any]) -> nn.Module | None:
    """What the whole network of timm does with its last features before it pools them."""
    with torch.random.fork_rng(devices=[]):
        norm = getattr(create(name, pretrained, **option), "norm", None)
    return None if isinstance(norm, nn.Identity) else norm


def _channels_first(blocks: Sequence[nn.Module], native: int, name: str) -> list[nn.Module]:
    """The blocks, those with channels last between them turned at both ends."""
    found: list[nn.Module] = []
    (features,) = _tried(blocks[:0], [(SQUARE, SQUARE), (native, native)], name, blocks)
    last = False
    with torch.no_grad():
        for block in blocks:
            features = block.eval()(features)
            # of a square image, rows and columns are alike
            before, last = last, features.shape[1] == features.shape[2] != features.shape[3]
            found.append(_ChannelsLast(block, before, last) if before or last else block)
    return found


def _tried(
    blocks: Sequence[nn.Module],
    sizes: Sequence[tuple[int, int]],
    name: str,
    whole: Sequence[nn.Module],
) -> list[Tensor]:
    """The image of the first size that the whole network takes, and the outputs of the blocks."""
    reason: Exception | None = None
    for size in sizes:
        image = torch.zeros(1, 3, *size)
        try:
            with torch.no_grad():
                nn.Sequential(*whole).eval()(image)
                outputs = [image]
                for block in blocks:
                    outputs.append(block.eval()(outputs[-1]))
                return outputs
        except PROBED as error:
            reason = error
    raise ContaError(
        f"backbone is 'timm:{name}': it takes images of no size that was tried ({reason}); choose "
        "another"
    )


def _measured(
    blocks: Sequence[nn.Module], native: int, name: str
) -> tuple[int, list[int], list[int]]:
    """What each side of an image must be a multiple of, and channels and strides of the blocks.

    Args:
        blocks: the five blocks, channels first.
        native: side of the images that the network was made for, pixels.
        name: of the network, for the message.
    """
    image, *outputs = _tried(blocks, [(SQUARE, SQUARE), (native, native)], name, blocks)
    channels = [output.shape[1] for output in outputs]
    strides = [image.shape[-1] // output.shape[-1] for output in outputs]
    multiples = (strides[-1], USUAL_STRIDE, native)
    for multiple, size in ((1, RECTANGLE), *((side, (side, 2 * side)) for side in multiples)):
        if _covers(blocks, size, strides):
            return multiple, channels, strides
    raise ContaError(
        f"backbone is 'timm:{name}': it takes images of {native} x {native} pixels only, or its "
        "maps do not cover them; choose another"
    )


def _covers(blocks: Sequence[nn.Module], size: tuple[int, int], strides: Sequence[int]) -> bool:
    """Whether the maps of an image have a cell for each part of it, at every stride."""
    features = torch.zeros(1, 3, *size)
    for block, stride in zip(blocks, strides, strict=True):
        try:
            with torch.no_grad():
                features = block.eval()(features)
        except PROBED:
            return False
        if tuple(features.shape[-2:]) != tuple(-(-side // stride) for side in size):
            return False
    return True


def _cut(network: Any, name: str) -> list[nn.Module]:
    """Cut timm's feature network after the module that ends each feature level.

    Four levels (ConvNeXt, transformers and the like) leave the stem as a block of its own.
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
