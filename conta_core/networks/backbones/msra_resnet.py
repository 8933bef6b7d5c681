"""The ResNet-101 of deeplab-pytorch: MSRA's layout, dilated as in DeepLab v2.

It is not torchvision's: a stage's stride lies in its first 1x1 convolution, every 3x3
of a dilated stage has the stage's dilation, the first pooling rounds up, and the inputs
are BGR less their mean, in 0..255 (Chen et al., TPAMI 2018; kazuto1011/deeplab-pytorch).
"""

from __future__ import annotations

from torch import Tensor, nn

from conta_core.errors import ContaError
from conta_core.networks.backbones.backbone import Backbone

MSRA_RESNET101 = "deeplab_resnet101"
OUTPUT_STRIDE = 8
DEPTHS, STRIDES, DILATIONS = (3, 4, 23, 3), (1, 2, 1, 1), (1, 1, 2, 4)
CHANNELS = (64, 256, 512, 1024, 2048)
#: RGB, in grey levels
MEAN = (122.675, 116.669, 104.008)


def msra_resnet101(pretrained: bool, output_stride: int) -> Backbone:
    """The network as a backbone.

    Because the first pooling rounds up, a feature map of stride s is as large as
    ``floor(H / s) + 1`` where H is a multiple of s (65 for 512 at stride 8), otherwise
    ``ceil(H / s)``.

    Args:
        pretrained: refused, since no package ships these weights.
        output_stride: 8.

    Raises:
        ContaError: another output stride, or ImageNet weights.
    """
    if output_stride != OUTPUT_STRIDE:
        raise ContaError(
            f"output_stride is {output_stride}: {MSRA_RESNET101} has {OUTPUT_STRIDE} and no "
            f"other; set it to {OUTPUT_STRIDE}"
        )
    if pretrained:
        raise ContaError(
            f"weights is 'imagenet': nothing ships them for {MSRA_RESNET101}; convert "
            "deeplab-pytorch's file with `conta import-weights deeplab-pytorch` and name the "
            "result, or choose none"
        )
    stem = nn.Sequential(
        *_convolution(3, CHANNELS[0], 7, stride=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True),
    )
    stages = [
        _stage(inputs, outputs, depth, stride, dilation)
        for inputs, outputs, depth, stride, dilation in zip(
            CHANNELS, CHANNELS[1:], DEPTHS, STRIDES, DILATIONS, strict=False
        )
    ]
    mean, std = [level / 255 for level in MEAN], [1 / 255] * 3
    backbone = Backbone([stem, *stages], CHANNELS, (4, 4, 8, 8, 8), mean, std, bgr=True)
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return backbone


class Bottleneck(nn.Module):
    """Three convolutions around a shortcut; the stride lies in the first one.

    Args:
        inputs: channels.
        outputs: channels; a quarter of them in the middle.
        stride: of the first 1x1 convolution and of the shortcut's.
        dilation: of the 3x3 convolution.
        projects: whether the shortcut is a convolution, as in a stage's first block.
    """

    def __init__(
        self, inputs: int, outputs: int, stride: int, dilation: int, projects: bool
    ) -> None:
        super().__init__()
        middle = outputs // 4
        self.reduce = nn.Sequential(*_convolution(inputs, middle, 1, stride=stride))
        self.conv3x3 = nn.Sequential(*_convolution(middle, middle, 3, dilation=dilation))
        self.increase = nn.Sequential(*_convolution(middle, outputs, 1))
        self.shortcut = (
            nn.Sequential(*_convolution(inputs, outputs, 1, stride=stride))
            if projects
            else nn.Identity()
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H/stride, W/stride)."""
        residual = self.relu(self.reduce(features))
        residual = self.relu(self.conv3x3(residual))
        return self.relu(self.increase(residual) + self.shortcut(features))


def _stage(inputs: int, outputs: int, depth: int, stride: int, dilation: int) -> nn.Sequential:
    first = Bottleneck(inputs, outputs, stride, dilation, projects=True)
    rest = (Bottleneck(outputs, outputs, 1, dilation, projects=False) for _ in range(depth - 1))
    return nn.Sequential(first, *rest)


def _convolution(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, dilation: int = 1
) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    """A convolution without bias that keeps the size at stride 1, and its batch norm."""
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)
    return convolution, nn.BatchNorm2d(outputs, eps=1e-5, momentum=0.001)
