"""The wide ResNet38 of AffinityNet and SEAM, output stride 8.

Wu et al., Pattern Recognition 2019 ("Wider or deeper", model A1), dilated as in AffinityNet (Ahn
and Kwak, CVPR 2018) and SEAM (Wang et al., CVPR 2020).

Its units normalise their input. The first unit of a stage reads nothing else, so the batch norm
and the ReLU before it stand at the end of the block before. What SEAM calls conv4, conv5 and conv6
are then the outputs of the blocks 3, 4 and 5.
"""

from __future__ import annotations

from torch import Tensor, nn

from conta_core.errors import ContaError
from conta_core.networks.backbones.backbone import Backbone

WIDE_RESNET38 = "wide_resnet38"
OUTPUT_STRIDE = 8
STEM = 64
CHANNELS = (128, 256, 512, 1024, 4096)
STRIDES = (2, 4, 8, 8, 8)
#: units of the blocks 1 to 4
DEPTHS = (3, 3, 6, 3)


def wide_resnet38(pretrained: bool, output_stride: int) -> Backbone:
    """The network as a backbone.

    Args:
        pretrained: refused, since no package ships these weights.
        output_stride: 8.

    Raises:
        ContaError: another output stride, or ImageNet weights.
    """
    if output_stride != OUTPUT_STRIDE:
        raise ContaError(
            f"output_stride is {output_stride}: {WIDE_RESNET38} has {OUTPUT_STRIDE} and no other; "
            f"set it to {OUTPUT_STRIDE}"
        )
    if pretrained:
        raise ContaError(
            f"weights is 'imagenet': nothing ships them for {WIDE_RESNET38}; convert AffinityNet's "
            "or SEAM's file with `conta import-weights seam` and name the result, or choose none"
        )
    stem = nn.Conv2d(3, STEM, 3, padding=1, bias=False)
    first = [Unit(STEM, 128, _plain(STEM, 128, 128, stride=2), stride=2)]
    blocks = [
        nn.Sequential(stem, *first, *_rest(128, DEPTHS[0]), *_norm(128)),
        _stage(128, 256, DEPTHS[1]),
        _stage(256, 512, DEPTHS[2]),
        nn.Sequential(
            Unit(512, 1024, _plain(512, 512, 1024, dilations=(1, 2)), normalised=True),
            *(Unit(1024, 1024, _plain(1024, 512, 1024, dilations=(2, 2))) for _ in range(2)),
            *_norm(1024),
        ),
        nn.Sequential(
            Unit(1024, 2048, _bottleneck(1024, 2048, dropout=0.3), normalised=True),
            Unit(2048, 4096, _bottleneck(2048, 4096, dropout=0.5)),
            *_norm(4096),
        ),
    ]
    backbone = Backbone(blocks, CHANNELS, STRIDES)
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return backbone


class Unit(nn.Module):
    """A residual unit that normalises its input (He et al., ECCV 2016).

    Args:
        inputs: channels.
        outputs: channels; where they differ, or at a stride, the shortcut is a convolution of the
            normalised input.
        branch: reads the normalised input.
        stride: of the branch.
        normalised: whether the input is normalised already.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        branch: nn.Module,
        stride: int = 1,
        normalised: bool = False,
    ) -> None:
        super().__init__()
        self.norm = nn.Identity() if normalised else nn.Sequential(*_norm(inputs))
        self.branch = branch
        self.shortcut: nn.Conv2d | None = None
        if inputs != outputs or stride != 1:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H/stride, W/stride), not normalised."""
        normalised: Tensor = self.norm(features)
        shortcut = features if self.shortcut is None else self.shortcut(normalised)
        return shortcut + self.branch(normalised)


def _stage(inputs: int, outputs: int, depth: int) -> nn.Sequential:
    """A block of plain units that halves the grid."""
    branch = _plain(inputs, outputs, outputs, stride=2)
    first = Unit(inputs, outputs, branch, stride=2, normalised=True)
    return nn.Sequential(first, *_rest(outputs, depth), *_norm(outputs))


def _rest(channels: int, depth: int) -> list[Unit]:
    """The units of a stage after its first one."""
    return [
        Unit(channels, channels, _plain(channels, channels, channels)) for _ in range(depth - 1)
    ]


def _plain(
    inputs: int, middle: int, outputs: int, *, stride: int = 1, dilations: tuple[int, int] = (1, 1)
) -> nn.Sequential:
    """Two 3x3 convolutions."""
    return nn.Sequential(
        _convolution(inputs, middle, 3, stride, dilations[0]),
        *_norm(middle),
        _convolution(middle, outputs, 3, 1, dilations[1]),
    )


def _bottleneck(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    """A 1x1, a 3x3 of dilation 4 and a 1x1 convolution, with whole channels dropped between."""
    quarter, half = outputs // 4, outputs // 2
    return nn.Sequential(
        _convolution(inputs, quarter, 1),
        *_norm(quarter),
        nn.Dropout2d(dropout),
        _convolution(quarter, half, 3, 1, 4),
        *_norm(half),
        nn.Dropout2d(dropout),
        _convolution(half, outputs, 1),
    )


def _norm(channels: int) -> tuple[nn.BatchNorm2d, nn.ReLU]:
    return nn.BatchNorm2d(channels), nn.ReLU(inplace=True)


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1
) -> nn.Conv2d:
    """A convolution without bias that keeps the size at stride 1."""
    padding = dilation * (kernel // 2)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)
