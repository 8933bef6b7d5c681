"""ResNets in torchvision's layout (He et al., CVPR 2016), and IRNet's ResNet-50."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from conta_core.errors import ContaError
from conta_core.networks.backbones.backbone import Backbone

RESNETS = ("resnet18", "resnet50", "resnet101")
IRNET_RESNET50 = "irnet_resnet50"
BOTTLENECK_CHANNELS = (64, 256, 512, 1024, 2048)


def resnet(name: str, pretrained: bool, output_stride: int) -> Backbone:
    """One of :data:`RESNETS`, a stride beyond the output stride made into dilation.

    Args:
        name: of the network.
        pretrained: with torchvision's ImageNet weights (IMAGENET1K_V1), else random ones.
        output_stride: 8, 16 or 32.
    """
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
    channels = (64, 64, 128, 256, 512) if basic else BOTTLENECK_CHANNELS
    strides = (4, 4, 8, min(16, output_stride), output_stride)
    return Backbone(_blocks(network), channels, strides)


def irnet_resnet50(pretrained: bool, output_stride: int) -> Backbone:
    """IRNet's ResNet-50: the strides of its stages are 2, 2, 2, 1, and nothing is dilated.

    Torchvision's ResNet-50 at output stride 16 has the same tensors, but its last stage is
    dilated.

    Args:
        pretrained: with torchvision's ImageNet weights (IMAGENET1K_V1), else random ones.
        output_stride: 16.

    Raises:
        ContaError: another output stride.
    """
    import torchvision

    if output_stride != 16:
        raise ContaError(
            f"output_stride is {output_stride}: {IRNET_RESNET50} has 16 and no other; set it to "
            "16, or choose resnet50"
        )
    network = torchvision.models.resnet50(weights="IMAGENET1K_V1" if pretrained else None)
    for module in network.layer4[0].modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)  # the 3x3 convolution's and the shortcut's
    return Backbone(_blocks(network), BOTTLENECK_CHANNELS, (4, 4, 8, 16, 16))


def _blocks(network: Any) -> list[nn.Module]:
    stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
    return [stem, network.layer1, network.layer2, network.layer3, network.layer4]


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
