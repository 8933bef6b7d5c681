"""A plain transcription of SEAM's network, under the names of its published file, and its losses.

Written from their description, apart from the library: nothing here imports conta_core.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def bilinear(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize with the corners of both grids on each other."""
    return F.interpolate(maps, size, mode="bilinear", align_corners=True)


class _Plain(nn.Module):
    """A unit of two 3x3 convolutions."""

    def __init__(self, inputs: int, middle: int, outputs: int, **how: int) -> None:
        super().__init__()
        stride, first, second = how.get("stride", 1), how.get("first", 1), how.get("second", 1)
        self.bn_branch2a = nn.BatchNorm2d(inputs)
        self.conv_branch2a = nn.Conv2d(inputs, middle, 3, stride, first, first, bias=False)
        self.bn_branch2b1 = nn.BatchNorm2d(middle)
        self.conv_branch2b1 = nn.Conv2d(middle, outputs, 3, 1, second, second, bias=False)
        if inputs != outputs or stride > 1:
            self.conv_branch1 = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        a = F.relu(self.bn_branch2a(x))
        side = self.conv_branch1(a) if hasattr(self, "conv_branch1") else x
        b = F.relu(self.bn_branch2b1(self.conv_branch2a(a)))
        return side + self.conv_branch2b1(b)


class _Bottleneck(nn.Module):
    """A unit of a 1x1, a 3x3 of dilation 4 and a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.bn_branch2a = nn.BatchNorm2d(inputs)
        self.conv_branch2a = nn.Conv2d(inputs, outputs // 4, 1, bias=False)
        self.bn_branch2b1 = nn.BatchNorm2d(outputs // 4)
        self.conv_branch2b1 = nn.Conv2d(outputs // 4, outputs // 2, 3, 1, 4, 4, bias=False)
        self.bn_branch2b2 = nn.BatchNorm2d(outputs // 2)
        self.conv_branch2b2 = nn.Conv2d(outputs // 2, outputs, 1, bias=False)
        self.conv_branch1 = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        a = F.relu(self.bn_branch2a(x))
        b = F.relu(self.bn_branch2b1(self.conv_branch2a(a)))
        c = self.conv_branch2b1(F.dropout2d(b, self.dropout, self.training))
        d = F.dropout2d(F.relu(self.bn_branch2b2(c)), self.dropout, self.training)
        return self.conv_branch1(a) + self.conv_branch2b2(d)


class WideResNet38(nn.Module):
    """The wide ResNet38, pre-activated."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1a = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.b2 = _Plain(64, 128, 128, stride=2)
        self.b2_1, self.b2_2 = _Plain(128, 128, 128), _Plain(128, 128, 128)
        self.b3 = _Plain(128, 256, 256, stride=2)
        self.b3_1, self.b3_2 = _Plain(256, 256, 256), _Plain(256, 256, 256)
        self.b4 = _Plain(256, 512, 512, stride=2)
        for index in range(1, 6):
            setattr(self, f"b4_{index}", _Plain(512, 512, 512))
        self.b5 = _Plain(512, 512, 1024, first=1, second=2)
        self.b5_1 = _Plain(1024, 512, 1024, first=2, second=2)
        self.b5_2 = _Plain(1024, 512, 1024, first=2, second=2)
        self.b6 = _Bottleneck(1024, 2048, 0.3)
        self.b7 = _Bottleneck(2048, 4096, 0.5)
        self.bn7 = nn.BatchNorm2d(4096)

    def taps(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """conv4, conv5 and conv6."""
        x = self.conv1a(x)
        for name in ("b2", "b2_1", "b2_2", "b3", "b3_1", "b3_2", "b4"):
            x = getattr(self, name)(x)
        for index in range(1, 6):
            x = getattr(self, f"b4_{index}")(x)
        conv4 = F.relu(self.b5.bn_branch2a(x))
        x = self.b5_2(self.b5_1(self.b5(x)))
        conv5 = F.relu(self.b6.bn_branch2a(x))
        return conv4, conv5, F.relu(self.bn7(self.b7(self.b6(x))))


class Seam(WideResNet38):
    """SEAM's network: maps of the background and of the classes, plain and refined."""

    def __init__(self, classes: int = 20) -> None:
        super().__init__()
        self.fc8 = nn.Conv2d(4096, classes + 1, 1, bias=False)
        self.f8_3 = nn.Conv2d(512, 64, 1, bias=False)
        self.f8_4 = nn.Conv2d(1024, 128, 1, bias=False)
        self.f9 = nn.Conv2d(195, 192, 1, bias=False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Both kinds of maps at the size of the image."""
        conv4, conv5, conv6 = self.taps(image)
        cam = self.fc8(F.dropout2d(conv6, 0.5, self.training))
        grid = tuple(cam.shape[2:])
        f = [bilinear(image, grid), F.relu(self.f8_3(conv4)), F.relu(self.f8_4(conv5))]
        refined = pcm(cam, self.f9(torch.cat(f, dim=1)))
        size = tuple(image.shape[2:])
        return bilinear(cam, size), bilinear(refined, size)


def pcm(cam: Tensor, features: Tensor) -> Tensor:
    """Pixel by pixel, in float64."""
    found = torch.zeros_like(cam, dtype=torch.float64)
    height, width = cam.shape[2:]
    places = [(y, x) for y in range(height) for x in range(width)]
    for b in range(len(cam)):
        start = np.maximum(cam[b].detach().double().numpy(), 0)
        start = np.maximum(start - 1e-5, 0) / (start.max(axis=(1, 2), keepdims=True) + 1e-5)
        start[0] = 1 - start[1:].max(axis=0)
        for y, x in places:
            best = start[1:, y, x].max()
            start[1:, y, x] = [value if value == best else 0 for value in start[1:, y, x]]
        f = features[b].detach().double().numpy()
        f = f / (np.sqrt((f**2).sum(axis=0)) + 1e-5)
        for y, x in places:
            weights = np.maximum(np.einsum("chw,c->hw", f, f[:, y, x]), 0)
            weights = weights / (weights.sum() + 1e-5)
            found[b, :, y, x] = torch.from_numpy((start * weights).sum(axis=(1, 2)))
    return found.float()


def losses(
    cam1: np.ndarray, rv1: np.ndarray, cam2: np.ndarray, rv2: np.ndarray, tags: np.ndarray
) -> dict[str, float]:
    """The losses of a batch as the paper and the released training write them.

    Args:
        cam1: (B, n + 1, H, W) of the whole view, background first.
        rv1: refined, likewise.
        cam2: (B, n + 1, h, w) of the small view.
        rv2: refined, likewise.
        tags: (B, n).
    """
    count, small = len(tags), cam2.shape[2:]
    label = np.concatenate([np.ones((count, 1)), tags], axis=1)[:, :, None, None]

    def classification(cam: np.ndarray) -> float:
        p = 1 / (1 + np.exp(-cam[:, 1:].mean(axis=(2, 3))))
        return float(-(tags * np.log(p) + (1 - tags) * np.log(1 - p)).mean())

    def minimum(rv: np.ndarray) -> float:
        strongest = (rv * label)[:, 1:].max(axis=1).reshape(count, -1)
        lowest = np.sort(strongest, axis=1)[:, : strongest.shape[1] // 4]
        return float(np.maximum(lowest, 0).sum() / lowest.size)

    def normal(maps: np.ndarray) -> np.ndarray:
        maps = np.maximum(maps, 0)
        most, least = maps.max(axis=(2, 3), keepdims=True), maps.min(axis=(2, 3), keepdims=True)
        return np.maximum(maps - least - 1e-5, 0) / (most - least + 1e-5)

    def seen(maps: np.ndarray) -> np.ndarray:
        return bilinear(torch.from_numpy(normal(maps)), tuple(small)).numpy() * label

    def one_hot(maps: np.ndarray) -> np.ndarray:
        maps = maps.copy()
        maps[:, 0] = 1 - maps[:, 1:].max(axis=1)
        maps[:, 1:][maps[:, 1:] != maps[:, 1:].max(axis=1, keepdims=True)] = 0
        return maps

    def hardest(differences: np.ndarray) -> float:
        flat = np.sort(np.abs(differences).reshape(count, -1), axis=1)[:, ::-1]
        return float(flat[:, : int(flat.shape[1] * 0.2)].mean())

    a1, a2, r1, r2 = seen(cam1), seen(cam2), seen(rv1), seen(rv2)
    return {
        "cls": (classification(cam1) + classification(cam2)) / 2,
        "min": (minimum(rv1) + minimum(rv2)) / 2,
        "er": float(np.abs(a1[:, 1:] - a2[:, 1:]).mean()),
        "ecr": hardest(one_hot(a2) - r1) + hardest(one_hot(a1) - r2),
    }


def maps_of_image(
    network: Seam, images: list[tuple[np.ndarray, bool]], size: tuple[int, int]
) -> np.ndarray:
    """The refined maps of the classes of an image, from its scaled and flipped copies.

    Args:
        network: in evaluation mode.
        images: normalised (3, h, w) each, and whether it is flipped.
        size: of the image, height and width.
    """
    total = np.zeros(())
    for image, flipped in images:
        with torch.no_grad():
            refined = network(torch.from_numpy(image)[None])[1][:, 1:]
        large = F.interpolate(refined, size, mode="bilinear", align_corners=False)[0].numpy()
        total = total + (large[:, :, ::-1] if flipped else large)
    least, most = total.min(axis=(1, 2), keepdims=True), total.max(axis=(1, 2), keepdims=True)
    return np.where(total < least + 1e-5, 0, (total - least - 1e-5) / (most - least + 1e-5))
