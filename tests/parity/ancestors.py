"""Plain transcriptions of the ancestors' networks, under the names of their published files.

Written from their description, apart from the library: nothing here imports conta_core. They
hold IRNet's CAM net and IRN (jiwoon-ahn/irn) and DeepLab v2 with MSC
(kazuto1011/deeplab-pytorch).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Block(nn.Module):
    """A bottleneck of torchvision's layout: the stride lies in the 3x3 convolution."""

    def __init__(self, inputs: int, width: int, stride: int, first: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        if first:
            shortcut = nn.Conv2d(inputs, 4 * width, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class _ResNet50(nn.Module):
    """Strides 2, 2, 2, 1 (the first one is the pooling's), no dilation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = 64
        for number, (depth, stride) in enumerate(((3, 1), (4, 2), (6, 2), (3, 1)), start=1):
            width = 32 * 2**number
            blocks = []
            for index in range(depth):
                blocks.append(_Block(inputs, width, stride if index == 0 else 1, index == 0))
                inputs = 4 * width
            setattr(self, f"layer{number}", nn.Sequential(*blocks))


class IrnetCam(nn.Module):
    """IRNet's classifier, and its maps: each tensor under all of its published names."""

    def __init__(self, classes: int = 20) -> None:
        super().__init__()
        net = self.resnet50 = _ResNet50()
        self.stage1 = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool, net.layer1)
        self.stage2 = nn.Sequential(net.layer2)
        self.stage3 = nn.Sequential(net.layer3)
        self.stage4 = nn.Sequential(net.layer4)
        self.classifier = nn.Conv2d(2048, classes, 1, bias=False)
        self.backbone = nn.ModuleList([self.stage1, self.stage2, self.stage3, self.stage4])
        self.newly_added = nn.ModuleList([self.classifier])

    def features(self, x: Tensor) -> Tensor:
        return self.stage4(self.stage3(self.stage2(self.stage1(x))))

    def forward(self, x: Tensor) -> Tensor:
        """Logits: the classifier on the globally averaged features."""
        x = self.features(x)
        average = x.sum(dim=(2, 3), keepdim=True) / (x.shape[2] * x.shape[3])
        return self.classifier(average).reshape(len(x), -1)

    def cams(self, x: Tensor) -> Tensor:
        return F.relu(F.conv2d(self.features(x), self.classifier.weight))


class _MeanShift(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        return x if self.training else x - self.running_mean.reshape(1, 2, 1, 1)


class IrnetIrn(nn.Module):
    """IRNet's boundary and displacement network."""

    def __init__(self) -> None:
        super().__init__()
        net = self.resnet50 = _ResNet50()
        self.stage1 = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        self.stage2 = nn.Sequential(net.layer1)
        self.stage3 = nn.Sequential(net.layer2)
        self.stage4 = nn.Sequential(net.layer3)
        self.stage5 = nn.Sequential(net.layer4)
        self.mean_shift = _MeanShift()
        self.fc_edge1 = _head(64, 32, 4)
        self.fc_edge2 = _head(256, 32, 4)
        self.fc_edge3 = _head(512, 32, 4, enlarge=2)
        self.fc_edge4 = _head(1024, 32, 4, enlarge=4)
        self.fc_edge5 = _head(2048, 32, 4, enlarge=4)
        self.fc_edge6 = nn.Conv2d(160, 1, 1)
        self.fc_dp1 = _head(64, 64, 8)
        self.fc_dp2 = _head(256, 128, 16)
        self.fc_dp3 = _head(512, 256, 16)
        self.fc_dp4 = _head(1024, 256, 16, enlarge=2)
        self.fc_dp5 = _head(2048, 256, 16, enlarge=2)
        self.fc_dp6 = _head(768, 256, 16, enlarge=2)
        last = nn.Conv2d(256, 2, 1, bias=False)
        self.fc_dp7 = nn.Sequential(*_head(448, 256, 16), last, self.mean_shift)
        self.backbone = nn.ModuleList(getattr(self, f"stage{k}") for k in range(1, 6))
        self.edge_layers = nn.ModuleList(getattr(self, f"fc_edge{k}") for k in range(1, 7))
        self.dp_layers = nn.ModuleList(getattr(self, f"fc_dp{k}") for k in range(1, 8))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Edge logits and displacements, at the size of the second tap."""
        taps = []
        for stage in self.backbone:
            x = stage(x)
            taps.append(x)
        edges = [_cut(layer(tap), taps[1]) for layer, tap in zip(self.edge_layers, taps)]  # noqa: B905
        edge = self.fc_edge6(torch.cat(edges, dim=1))
        dp1, dp2, dp3 = self.fc_dp1(taps[0]), self.fc_dp2(taps[1]), self.fc_dp3(taps[2])
        dp4, dp5 = _cut(self.fc_dp4(taps[3]), dp3), _cut(self.fc_dp5(taps[4]), dp3)
        joined = _cut(self.fc_dp6(torch.cat([dp3, dp4, dp5], dim=1)), dp2)
        return edge, self.fc_dp7(torch.cat([dp1, dp2, joined], dim=1))

    def infer(self, image: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """Edge probability (h, w) and displacement (2, h, w) of an image (3, H, W).

        The image and its flip stand at the top left of a square of zeros.
        """
        _, height, width = image.shape
        square = torch.zeros(2, 3, side, side)
        square[0, :, :height, :width] = image
        square[1, :, :height, :width] = torch.flip(image, [2])
        edge, displacement = self(square)
        rows, columns = (height - 1) // 4 + 1, (width - 1) // 4 + 1
        edge, displacement = edge[..., :rows, :columns], displacement[..., :rows, :columns]
        mean = edge[0, 0] / 2 + torch.flip(edge[1, 0], [1]) / 2
        return 1 / (1 + torch.exp(-mean)), displacement[0]


def _head(inputs: int, outputs: int, groups: int, enlarge: int = 1) -> nn.Sequential:
    layers = [nn.Conv2d(inputs, outputs, 1, bias=False), nn.GroupNorm(groups, outputs)]
    if enlarge > 1:
        layers.append(nn.Upsample(scale_factor=enlarge, mode="bilinear", align_corners=False))
    return nn.Sequential(*layers, nn.ReLU())


def _cut(x: Tensor, like: Tensor) -> Tensor:
    return x[:, :, : like.shape[2], : like.shape[3]]


def _conv_bn(inputs: int, outputs: int, kernel: int, stride: int, dilation: int) -> nn.Module:
    pair = nn.Module()
    padding = 3 if kernel == 7 else dilation if kernel == 3 else 0
    pair.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)
    pair.bn = nn.BatchNorm2d(outputs, eps=1e-5, momentum=0.001)
    return pair


def _run(pair: nn.Module, x: Tensor) -> Tensor:
    return pair.bn(pair.conv(x))


class _MsraBlock(nn.Module):
    """A bottleneck whose stride lies in its first 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int, dilation: int, first: bool) -> None:
        super().__init__()
        self.reduce = _conv_bn(inputs, outputs // 4, 1, stride, 1)
        self.conv3x3 = _conv_bn(outputs // 4, outputs // 4, 3, 1, dilation)
        self.increase = _conv_bn(outputs // 4, outputs, 1, 1, 1)
        self.shortcut = _conv_bn(inputs, outputs, 1, stride, 1) if first else None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(_run(self.reduce, x))
        y = F.relu(_run(self.conv3x3, y))
        y = _run(self.increase, y)
        return F.relu(y + (x if self.shortcut is None else _run(self.shortcut, x)))


class DeepLabMsc(nn.Module):
    """DeepLab v2 on ResNet-101, over the scales 1, 0.5 and 0.75 and their maximum."""

    def __init__(self, outputs: int = 21) -> None:
        super().__init__()
        base = self.base = nn.Module()
        base.layer1 = nn.Module()
        base.layer1.conv1 = _conv_bn(3, 64, 7, 2, 1)
        inputs = 64
        plan = ((2, 3, 256, 1, 1), (3, 4, 512, 2, 1), (4, 23, 1024, 1, 2), (5, 3, 2048, 1, 4))
        for number, depth, channels, stride, dilation in plan:
            layer = nn.Sequential()
            for index in range(1, depth + 1):
                first = index == 1
                block = _MsraBlock(inputs, channels, stride if first else 1, dilation, first)
                layer.add_module(f"block{index}", block)
                inputs = channels
            base.add_module(f"layer{number}", layer)
        base.aspp = nn.Module()
        for index, rate in enumerate((6, 12, 18, 24)):
            branch = nn.Conv2d(2048, outputs, 3, 1, rate, rate)
            nn.init.normal_(branch.weight, 0, 0.01)
            base.aspp.add_module(f"c{index}", branch)

    def one_scale(self, x: Tensor) -> Tensor:
        base = self.base
        x = F.relu(_run(base.layer1.conv1, x))
        x = F.max_pool2d(x, 3, 2, 1, ceil_mode=True)
        x = base.layer5(base.layer4(base.layer3(base.layer2(x))))
        return base.aspp.c0(x) + base.aspp.c1(x) + base.aspp.c2(x) + base.aspp.c3(x)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Logits at 1, 0.5, 0.75, and the maximum of the three at the first one's size."""
        logits = [self.one_scale(x)]
        for scale in (0.5, 0.75):
            small = F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
            logits.append(self.one_scale(small))
        large = [logits[0]]
        for other in logits[1:]:
            size = logits[0].shape[2:]
            large.append(F.interpolate(other, size=size, mode="bilinear", align_corners=False))
        return [*logits, torch.stack(large).max(dim=0)[0]]


def randomise(model: nn.Module, images: Tensor, seed: int = 0) -> nn.Module:
    """Random weights as of a trained network: outputs near 1 at whatever depth.

    Norms get random scales and shifts, small scales where a residual branch ends, as training
    leaves them; the batch norms' statistics are those of ``images`` in this very network, which
    keeps its activations at unit size.
    """
    generator = torch.Generator().manual_seed(seed)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    for name, module in model.named_modules():
        if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
            low, high = (0.1, 0.4) if name.endswith(("bn3", "increase.bn")) else (0.5, 1.5)
            module.weight.data.uniform_(low, high, generator=generator)
            module.bias.data.normal_(0.0, 0.2, generator=generator)
        elif isinstance(module, _MeanShift):
            module.running_mean.normal_(0.0, 1.0, generator=generator)
        elif isinstance(module, nn.Conv2d):
            fan = module.weight[0].numel()
            last = len(module.weight) < 32 and fan > 512  # of the classes: no norm follows
            deviation = (0.6 if last else 2**0.5) / fan**0.5
            module.weight.data.normal_(0.0, deviation, generator=generator)
            if module.bias is not None:
                module.bias.data.normal_(0.0, 0.2, generator=generator)
    for norm in norms:
        norm.momentum = 1.0
    model.train()
    with torch.no_grad():
        model(images)
    for count, norm in enumerate(norms):
        norm.momentum = 0.1
        norm.running_var.mul_(1.1)  # statistics of other images than these
        norm.num_batches_tracked.fill_(count)
    return model.eval()
