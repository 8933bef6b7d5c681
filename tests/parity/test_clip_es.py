"""CLIP-ES against naive transcriptions of its equations (Lin et al., CVPR 2023)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from conta_core.networks.clip_tower import ClipTower
from conta_core.seeds.attention_refinement import boxes_around, refine_by_attention
from conta_core.seeds.softmax_grad_cam import softmax_grad_cams

WIDTH, PATCH, SIDE = 24, 4, 24
BLOCKS = 8
#: height and width of images, in pixels: as the position embeddings, wider, lower
SIZES = [(24, 24), (20, 36), (9, 30)]


def tower_of(depth: int, **options: Any) -> ClipTower:
    """A small tower with random weights, far from the tiny ones that timm draws."""
    with torch.random.fork_rng():
        torch.manual_seed(depth)
        vit = VisionTransformer(
            img_size=SIDE,
            patch_size=PATCH,
            embed_dim=32,
            depth=depth,
            num_heads=4,
            num_classes=WIDTH,
            pre_norm=True,
            dynamic_img_size=True,
            **options,
        )
        for value in vit.parameters():
            value.data.add_(0.15 * torch.randn(value.shape))
    return ClipTower(vit, WIDTH)


def image_of(size: tuple[int, int]) -> np.ndarray:
    rng = np.random.default_rng(sum(size))
    return rng.integers(0, 256, (*size, 3), dtype=np.uint8)


class Naive:
    """The tower in float64, written out token by token and head by head."""

    def __init__(self, tower: ClipTower) -> None:
        self.vit = tower.vit
        self.values = {name: value.double() for name, value in tower.vit.state_dict().items()}

    def norm(self, name: str, tokens: Tensor) -> Tensor:
        mean = tokens.mean(dim=-1, keepdim=True)
        variance = ((tokens - mean) ** 2).mean(dim=-1, keepdim=True)
        epsilon = dict(self.vit.named_modules())[name].eps
        whole = (tokens - mean) / (variance + epsilon).sqrt()
        return whole * self.values[f"{name}.weight"] + self.values[f"{name}.bias"]

    def linear(self, name: str, tokens: Tensor) -> Tensor:
        return tokens @ self.values[f"{name}.weight"].T + self.values[f"{name}.bias"]

    def embed(self, image: Tensor) -> Tensor:
        """Tokens before the first block, (tokens, 32)."""
        kernel, tokens = self.values["patch_embed.proj.weight"], []
        rows, columns = image.shape[1] // PATCH, image.shape[2] // PATCH
        for i in range(rows):
            for j in range(columns):
                patch = image[:, i * PATCH : (i + 1) * PATCH, j * PATCH : (j + 1) * PATCH]
                tokens.append((kernel * patch).sum(dim=(1, 2, 3)))
        positions = self.values["pos_embed"]
        side = SIDE // PATCH
        grid = positions[:, 1:].reshape(1, side, side, 32).permute(0, 3, 1, 2).float()
        grid = torch.nn.functional.interpolate(
            grid, (rows, columns), mode="bicubic", antialias=True
        )
        of_patches = grid.permute(0, 2, 3, 1).reshape(rows * columns, 32).double()
        first = self.values["cls_token"][0] + positions[0, :1]
        return self.norm("norm_pre", torch.cat([first, torch.stack(tokens) + of_patches]))

    def attend(self, index: int, normed: Tensor) -> tuple[Tensor, Tensor]:
        """What the attention of a block gives, and its weights (heads, tokens, tokens)."""
        made = self.linear(f"blocks.{index}.attn.qkv", normed)
        outputs, weights = [], []
        for head in range(4):
            starts = (32 * part + 8 * head for part in range(3))
            q, k, v = (made[:, start : start + 8] for start in starts)
            weight = torch.exp(q @ k.T / 8**0.5)
            weight = weight / weight.sum(dim=1, keepdim=True)
            outputs.append(weight @ v)
            weights.append(weight)
        joined = self.linear(f"blocks.{index}.attn.proj", torch.cat(outputs, dim=1))
        return joined, torch.stack(weights)

    def block(self, index: int, tokens: Tensor, normed: Tensor | None = None) -> Tensor:
        if normed is None:
            normed = self.norm(f"blocks.{index}.norm1", tokens)
        tokens = tokens + self.attend(index, normed)[0]
        hidden = self.linear(f"blocks.{index}.mlp.fc1", self.norm(f"blocks.{index}.norm2", tokens))
        hidden = hidden * (1 + torch.erf(hidden / 2**0.5)) / 2
        return tokens + self.linear(f"blocks.{index}.mlp.fc2", hidden)


def naive_maps(
    naive: Naive, image: Tensor, texts: Tensor, classes: int, scale: float
) -> tuple[Tensor, Tensor]:
    """CAMs (k, patches) and the averaged attention (patches, patches)."""
    depth = len(naive.vit.blocks)
    tokens, attentions = naive.embed(image), []
    for index in range(depth):
        normed = naive.norm(f"blocks.{index}.norm1", tokens)
        attentions.append(naive.attend(index, normed)[1].mean(dim=0)[1:, 1:])
        if index < depth - 1:
            tokens = naive.block(index, tokens)
    attention = sum(attentions[-BLOCKS:]) / len(attentions[-BLOCKS:])
    cams = []
    for c in range(classes):
        activations = naive.norm(f"blocks.{depth - 1}.norm1", tokens).detach().requires_grad_()
        out = naive.norm("norm", naive.block(depth - 1, tokens, activations))
        feature = naive.linear("head", out[1:].mean(dim=0))
        cosines = torch.stack([feature @ t / (feature.norm() * t.norm()) for t in texts])
        exponentials = torch.exp(scale * cosines)
        (exponentials[c] / exponentials.sum()).backward()
        assert activations.grad is not None
        weights = activations.grad[1:].sum(dim=0) / (len(activations) - 1)
        cam = (activations.detach()[1:] * weights).sum(dim=1).clamp_min(0)
        cams.append((cam - cam.min()) / (cam.max() - cam.min()))
    return torch.stack(cams), attention


def naive_boxes(values: np.ndarray, threshold: float) -> np.ndarray:
    """Regions by flooding from cell to cell."""
    left = {(int(y), int(x)) for y, x in np.argwhere(values > threshold)}
    inside = np.zeros(values.shape, bool)
    while left:
        region, border = set(), {left.pop()}
        while border:
            y, x = border.pop()
            region.add((y, x))
            near = {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            border |= near
            left -= near
        rows, columns = [y for y, _ in region], [x for _, x in region]
        inside[min(rows) : max(rows) + 1, min(columns) : max(columns) + 1] = True
    return inside


def naive_refinement(cams: np.ndarray, grid: tuple[int, int], attention: np.ndarray) -> np.ndarray:
    """The paper's constants, with the matrix squared and its columns left out by the boxes."""
    matrix = attention.copy()
    for _ in range(3):
        matrix = matrix / matrix.sum(axis=0, keepdims=True)
        matrix = matrix / matrix.sum(axis=1, keepdims=True)
    matrix = (matrix + matrix.T) / 2
    matrix = matrix @ matrix
    refined = []
    for cam in cams:
        boxes = naive_boxes(cam.reshape(grid), 0.4).reshape(1, -1)
        spread = (matrix * boxes) @ cam
        refined.append((spread - spread.min()) / (spread.max() - spread.min()))
    return np.stack(refined)


@pytest.mark.parametrize("depth", [4, 9])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scale", [100.0, 3.0])
def test_against_the_equations(depth: int, size: tuple[int, int], scale: float) -> None:
    tower = tower_of(depth)
    image = tower.prepare(image_of(size))
    grid = tower.grid_of((image.shape[2], image.shape[3]))
    assert grid == (-(-size[0] // PATCH), -(-size[1] // PATCH))
    texts = torch.from_numpy(np.random.default_rng(depth).normal(size=(7, WIDTH)))
    expected, attention = naive_maps(Naive(tower), image[0].double(), texts, 2, scale)

    tokens, found_attention = tower.look(image, BLOCKS)
    found = softmax_grad_cams(tower, tokens, texts.float(), 2, scale)
    np.testing.assert_allclose(found_attention.numpy(), attention.numpy(), atol=1e-6)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-4)

    refined = refine_by_attention(found, grid, found_attention, 3, 2, 0.4)
    naive = naive_refinement(expected.numpy(), grid, attention.numpy())
    np.testing.assert_allclose(refined.numpy(), naive, atol=1e-4)


def test_a_tower_with_all_that_timm_may_add() -> None:
    """Registers, layer scale, query norms, pooling with a norm of its own: as timm runs it."""
    tower = tower_of(5, reg_tokens=2, init_values=0.5, qk_norm=True, global_pool="avg")
    image = tower.prepare(image_of((20, 28)))
    tokens, attention = tower.look(image, 3)
    seen = []
    for block in tower.vit.blocks[-3:]:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda *a: seen.append(a[2].detach()))
    features = tower.vit.forward_features(image)
    weights = torch.stack(seen).mean(dim=(0, 1, 2))[3:, 3:]
    np.testing.assert_allclose(attention.numpy(), weights.numpy(), atol=1e-6)
    expected = tower.vit.head(tower.vit.fc_norm(features[:, 3:].mean(dim=1)))
    found = tower.feature(tokens, tower.normed(tokens))
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_boxes(seed: int) -> None:
    values = cv2.GaussianBlur(np.random.default_rng(seed).random((14, 19)), (0, 0), 1.0)
    values = (values - values.min()) / (values.max() - values.min())
    for threshold in (0.2, 0.4, 0.7, 1.0):
        found = boxes_around(values.astype(np.float32), threshold)
        np.testing.assert_array_equal(found, naive_boxes(values.astype(np.float32), threshold))
