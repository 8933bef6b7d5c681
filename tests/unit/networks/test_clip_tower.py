from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from conta_core.errors import ContaError
from conta_core.networks.clip_tower import build_clip_tower

#: the smallest transformers of timm with patches of 16, and of CLIP
PLAIN, CLIP = "vit_tiny_patch16_224", "vit_xsmall_patch16_clip_224"


def test_the_same_random_tower_again_and_no_other_draw_moves() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = build_clip_tower(PLAIN, "none", 192)
    torch.testing.assert_close(torch.rand(3), expected)
    second = build_clip_tower(PLAIN, "none", 192)
    for one, two in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, two)
    assert not first.training
    assert not any(value.requires_grad for value in first.parameters())


def test_projection() -> None:
    """The head where it has the width, else none where the tokens have it."""
    projected = build_clip_tower(CLIP, "none", 512)
    assert projected.projection is projected.vit.head
    assert isinstance(build_clip_tower(CLIP, "none", 256).projection, nn.Identity)
    message = r"its tokens have 192 channels and its projection gives 1000, .* have 512; name the"
    with pytest.raises(ContaError, match=message):
        build_clip_tower(PLAIN, "none", 512)


@pytest.mark.parametrize(
    ("size", "long_side", "expected"),
    [
        ((48, 64), None, (48, 64)),
        ((33, 47), None, (48, 48)),
        ((7, 300), None, (16, 304)),
        ((375, 500), 100, (80, 112)),
        ((30, 40), 100, (32, 48)),
        ((3, 900), 100, (16, 112)),
    ],
)
def test_sides_are_multiples_of_the_patch(
    size: tuple[int, int], long_side: int | None, expected: tuple[int, int]
) -> None:
    tower = build_clip_tower(PLAIN, "none", 192)
    found = tower.prepare(np.full((*size, 3), 128, np.uint8), long_side)
    assert (found.shape, found.dtype) == ((1, 3, *expected), torch.float32)
    assert tower.grid_of(expected) == (expected[0] // 16, expected[1] // 16)
    torch.testing.assert_close(found, torch.full_like(found, (128 / 255 - 0.5) / 0.5))
    tokens, attention = tower.look(found, 99)
    patches = expected[0] * expected[1] // 256
    assert tokens.shape == (1, patches + 1, 192)
    assert attention.shape == (patches, patches)
    assert (tower.patch, tower.depth) == (16, 12)


def names_of_open_clip(values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A tower as open_clip names it, with something of the text tower."""
    parts = {
        "norm1": "ln_1",
        "norm2": "ln_2",
        "attn.qkv.": "attn.in_proj_",
        "attn.proj": "attn.out_proj",
        "mlp.fc1": "mlp.c_fc",
        "mlp.fc2": "mlp.c_proj",
    }
    renamed = {
        "class_embedding": values["cls_token"][0, 0],
        "positional_embedding": values["pos_embed"][0],
        "conv1.weight": values["patch_embed.proj.weight"],
        "proj": values["head.weight"].T,
    }
    for name, value in values.items():
        if name.startswith("blocks."):
            for ours, theirs in parts.items():
                name = name.replace(ours, theirs)
            renamed[name.replace("blocks.", "transformer.resblocks.")] = value
        elif name.startswith("norm"):
            kind, _, last = name.partition(".")
            renamed[f"{'ln_pre' if kind == 'norm_pre' else 'ln_post'}.{last}"] = value
    found = {f"visual.{name}": value.contiguous() for name, value in renamed.items()}
    return {**found, "text_projection": torch.zeros(2, 2)}


@pytest.mark.parametrize("of_open_clip", [False, True])
def test_weights_of_a_file(tmp_path: Path, of_open_clip: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    network: Any = timm.create_model(CLIP, pretrained=False)
    values = {
        name: 0.02 * torch.randn(value.shape, generator=generator)
        for name, value in network.state_dict().items()
    }
    values["head.bias"].zero_()  # CLIP's projection has none
    path = tmp_path / "tower.safetensors"
    save_file(names_of_open_clip(values) if of_open_clip else values, path)
    found = build_clip_tower(CLIP, str(path), 512).vit.state_dict()
    assert found.keys() == values.keys()
    for name, value in values.items():
        assert torch.equal(found[name], value), name
    del values["blocks.2.attn.qkv.weight"]
    save_file(values, path)
    with pytest.raises(ContaError, match=r"timm cannot make it .*blocks\.2\.attn\.qkv\.weight"):
        build_clip_tower(CLIP, str(path), 512)


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("vit_nothing", "none", "cam.tower is 'vit_nothing' .* timm cannot make it"),
        ("resnet18", "none", "timm cannot make it"),
        ("swin_tiny_patch4_window7_224", "none", "a SwinTransformer; expected a plain vision"),
        ("vit_base_patch16_siglip_224", "none", "without attention pooling"),
        (PLAIN, "tower.pth", "cam.tower_weights is 'tower.pth'; give pretrained, none, or a"),
        (PLAIN, "lost.safetensors", "lost.safetensors': timm cannot make it"),
    ],
)
def test_what_is_no_tower(name: str, weights: str, message: str) -> None:
    with pytest.raises(ContaError, match=f"(?s){message}"):
        build_clip_tower(name, weights, 512)
