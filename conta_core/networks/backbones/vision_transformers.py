"""Plain vision transformers of timm: ViT, DeiT, DINOv2, DINOv3, CLIP's image tower (one stride)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from conta_core.errors import ContaError
from conta_core.networks.backbones.backbone import BLOCKS, Backbone
from conta_core.networks.backbones.timm_models import REFUSALS, create

#: modules of timm whose networks are plain transformers
MODULES = ("vision_transformer", "deit", "eva")
#: what a config can say of a last block's stride
OUTPUT_STRIDES = (8, 16, 32)


@cache
def plain_transformers() -> frozenset[str]:
    """Names of timm's plain vision transformers."""
    import timm

    return frozenset(name for module in MODULES for name in timm.list_models(module=module))


def vision_transformer(name: str, pretrained: bool, output_stride: int) -> Backbone:
    """A plain vision transformer as a backbone.

    Args:
        name: timm's, perhaps with a tag of its weights.
        pretrained: with timm's weights for this name, else random ones.
        output_stride: the config's value that is nearest to the side of a patch.

    Raises:
        ContaError: timm cannot make it at any image size, its weights cannot be had, or another
            output stride.
    """
    import timm

    try:
        network = create(
            name, pretrained, num_classes=0, dynamic_img_size=True, dynamic_img_pad=True
        )
        patch = int(network.patch_embed.patch_size[0])
        if len(network.blocks) < BLOCKS - 1:
            raise ValueError(f"{len(network.blocks)} transformer blocks")
    except REFUSALS as error:
        raise ContaError(
            f"backbone is 'timm:{name}': timm cannot make it for images of any size ({error}); "
            "choose another"
        ) from None
    nearest = min(OUTPUT_STRIDES, key=lambda stride: abs(stride - patch))
    if output_stride != nearest:
        raise ContaError(
            f"output_stride is {output_stride}: timm:{name} has patches of {patch} pixels, and no "
            f"other stride; set it to {nearest}"
        )
    cfg = timm.data.resolve_data_config({}, model=network)
    return TransformerBackbone(network, patch, cfg["mean"], cfg["std"])


class TransformerBackbone(Backbone):
    """Block 1 makes tokens of patches; blocks 2 to 5 are the transformer's blocks in four parts.

    A block's output is the map of its patch tokens. Class and register tokens go on beside it. The
    last map is that of the final norm. Images whose sides are no multiples of the patch are padded
    at right and bottom, and position embeddings are resampled to the image's grid.

    Args:
        network: timm's, made for images of any size.
        patch: side of a patch, pixels.
        mean: of the input normalisation.
        std: of the input normalisation.
    """

    def __init__(
        self, network: Any, patch: int, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        layers, norm = list(network.blocks), _final_norm(network)
        channels = int(network.embed_dim)
        ends = [round(len(layers) * part / (BLOCKS - 1)) for part in range(BLOCKS)]
        parts = [nn.ModuleList(layers[start:end]) for start, end in pairwise(ends)]
        embedding = _without_layers(network)
        super().__init__([embedding, *parts], (channels,) * BLOCKS, (patch,) * BLOCKS, mean, std)
        # a part of the last block, which freezes with it
        parts[-1].append(norm)
        self._starts = ends

    def readers(self, number: int) -> list[nn.Conv2d]:
        """None: M is added to the patch tokens."""
        return []

    def run(self, number: int, features: Tensor, further: Sequence[Tensor]) -> list[Tensor]:
        """Run one block: its state is the map, and the class and register tokens if there are any.

        Args:
            number: of the block, from 1.
            features: normalised images (B, 3, H, W) for block 1, else a map (B, C, h, w).
            further: the tokens (B, t, C) beside the map.

        Returns:
            The map (B, C, ceil(H/patch), ceil(W/patch)), and the tokens beside it (B, t, C).

        Raises:
            ValueError: a later block was given a map and not the state.
        """
        embedding: Any = self.blocks[0]
        if number == 1:
            patches = embedding.patch_embed(features)
            grid = (int(patches.shape[1]), int(patches.shape[2]))
            tokens = embedding._pos_embed(patches)
            # of networks with rotary embeddings, which are made anew for each block
            tokens = embedding.norm_pre(tokens[0] if isinstance(tokens, tuple) else tokens)
        else:
            if embedding.num_prefix_tokens and not further:
                raise ValueError(f"block {number} reads the state of the block before, not its map")
            grid = (features.shape[-2], features.shape[-1])
            tokens = torch.cat([*further, features.flatten(2).transpose(1, 2)], dim=1)
            tokens = self._transform(number, tokens, grid)
        beside = tokens.shape[1] - grid[0] * grid[1]
        output = tokens[:, beside:].transpose(1, 2).unflatten(2, grid)
        return [output, tokens[:, :beside]] if beside else [output]

    def _transform(self, number: int, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        embedding: Any = self.blocks[0]
        layers = list(self.blocks[number - 1])  # type: ignore[call-overload]
        norm = layers.pop() if number == BLOCKS else None
        rope = getattr(embedding, "rope", None)
        if rope is None:
            for layer in layers:
                tokens = layer(tokens)
        else:
            angles = rope.get_embed(shape=grid)
            mixed = getattr(embedding, "rope_mixed", False)
            for depth, layer in enumerate(layers, start=self._starts[number - 2]):
                tokens = layer(tokens, rope=angles[depth] if mixed else angles)
        return tokens if norm is None else norm(tokens)


def _final_norm(network: Any) -> nn.Module:
    """The norm before the head, which some networks keep beside their pooling."""
    norm: nn.Module = network.norm
    pooled = getattr(network, "fc_norm", None)
    return pooled if isinstance(norm, nn.Identity) and pooled is not None else norm


def _without_layers(network: Any) -> nn.Module:
    """The network's own patch and position embedding, less all that stands after them."""
    for name in ("blocks", "norm", "fc_norm", "head", "head_dist", "attn_pool", "head_drop"):
        if isinstance(getattr(network, name, None), nn.Module):
            setattr(network, name, nn.Identity())
    found: nn.Module = network
    return found
