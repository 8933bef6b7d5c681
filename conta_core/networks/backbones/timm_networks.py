"""Any timm network with four or five feature levels, cut into five blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conta_core.errors import ContaError
from conta_core.networks.backbones.backbone import BLOCKS, Backbone
from conta_core.networks.backbones.vision_transformers import plain_transformers, vision_transformer

#: of a network that knows no other
USUAL_STRIDE = 32
#: what timm raises where it cannot make a network as it is asked to
REFUSALS = (RuntimeError, ValueError, TypeError, AttributeError, NotImplementedError)
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
        ContaError: timm cannot make it, or it cannot be cut into five blocks.
    """
    import timm

    if name.partition(".")[0] in plain_transformers():
        return vision_transformer(name, pretrained, output_stride)
    network = _features(name, pretrained, output_stride)
    cfg = timm.data.resolve_data_config({}, model=network)
    blocks = _channels_first(_cut(network, f"timm:{name}"), cfg["input_size"][-1], name)
    multiple, channels, strides = _measured(blocks, cfg["input_size"][-1], name)
    if multiple == 1:
        return Backbone(blocks, channels, strides, cfg["mean"], cfg["std"])
    return PaddedBackbone(blocks, channels, strides, cfg["mean"], cfg["std"], multiple=multiple)


class PaddedBackbone(Backbone):
    """A backbone whose network takes no image of any size: it is padded at right and bottom.

    A block's output is cut to the image, so it has ceil(H / stride) rows. What was cut off goes on
    beside it.

    Args:
        multiple: of each side of an image that the network takes, pixels.
    """

    def __init__(self, *arguments: Any, multiple: int) -> None:
        super().__init__(*arguments)
        self._multiple = multiple

    def run(self, number: int, features: Tensor, further: Sequence[Tensor]) -> list[Tensor]:
        """Run one block: its state is the map, and the whole one (no channels: it is the map)."""
        height, width = features.shape[-2:]
        if number == 1:
            bottom, right = -height % self._multiple, -width % self._multiple
            features, before = F.pad(features, (0, right, 0, bottom)), 1
        else:
            before = self.strides[number - 2]
            if further and further[0].shape[1]:
                whole = further[0].clone()
                whole[..., :height, :width] = features  # which may have M in it
                features = whole
        output: Tensor = self.blocks[number - 1](features)
        factor = self.strides[number - 1] // before
        # rounded up without negative numbers, which ONNX divides otherwise
        rows, columns = (height + factor - 1) // factor, (width + factor - 1) // factor
        cut = output[..., :rows, :columns]
        # a graph that is traced is for images of other sizes too
        same = cut.shape == output.shape and not torch.jit.is_tracing()
        return [cut, output[:, :0] if same else output]


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


def _features(name: str, pretrained: bool, output_stride: int) -> Any:
    """Timm's network that gives features, at the output stride if it knows one."""
    import timm

    options: list[dict[str, Any]] = [{"output_stride": output_stride}]
    if output_stride == USUAL_STRIDE:
        # transformers know no output stride; some take no image of another size unless told to
        options += [{"strict_img_size": False}, {}]
    errors = []
    for option in options:
        try:
            return timm.create_model(name, features_only=True, pretrained=pretrained, **option)
        except REFUSALS as error:
            errors.append(error)
    choose = "choose another" if output_stride == USUAL_STRIDE else "try 32, or choose another"
    raise ContaError(
        f"backbone is 'timm:{name}': timm cannot make its features at output stride "
        f"{output_stride} ({errors[0]}); {choose}"
    )


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
    for multiple, size in ((1, RECTANGLE), (strides[-1], None), (USUAL_STRIDE, None)):
        size = size or (multiple, 2 * multiple)
        if _covers(blocks, size, strides):
            return multiple, channels, strides
    return native, channels, strides


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
