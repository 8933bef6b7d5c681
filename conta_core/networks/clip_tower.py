"""CLIP's image tower: a vision transformer of timm, with what is inside of it (CLIP-ES).

CLIP: Radford et al., "Learning transferable visual models from natural language supervision", ICML
2021. CLIP-ES: Lin et al., "CLIP is also an efficient segmenter", CVPR 2023, section 3.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from conta_core.errors import ContaError

#: of a tower without pretrained weights: always the same
RANDOM_WEIGHTS_SEED = 0


class ClipTower(nn.Module):
    """A vision transformer that takes images of any size and gives the parts of its last block.

    Its image feature is the mean of the patch tokens after the last norm, projected; CLIP itself
    takes the class token.

    Args:
        vit: a timm ``VisionTransformer`` made with ``dynamic_img_size=True``.
        width: of the text embeddings. The transformer's own head projects to it; where the tokens
            have this width already, and the head another, there is no projection.
        name: of the transformer, for the errors.
        mean: of the input normalisation, RGB, for values in 0..1.
        std: of the input normalisation.

    Raises:
        ContaError: another kind of network, or tokens and head of another width.
    """

    def __init__(
        self,
        vit: Any,
        width: int,
        name: str = "the tower",
        mean: tuple[float, ...] = (0.5, 0.5, 0.5),
        std: tuple[float, ...] = (0.5, 0.5, 0.5),
    ) -> None:
        super().__init__()
        _require_plain_transformer(vit, name)
        head = vit.head.out_features if isinstance(vit.head, nn.Linear) else None
        if width not in (head, vit.embed_dim):
            projects = "it has no projection" if head is None else f"its projection gives {head}"
            raise ContaError(
                f"cam.tower is {name!r}: its tokens have {vit.embed_dim} channels and {projects}, "
                f"but the text embeddings have {width}; name the image tower of the model that "
                "made them, with its tag (vit_base_patch16_clip_quickgelu_224.openai), or make "
                "them anew"
            )
        self.vit = vit
        self.projection = vit.head if head == width else nn.Identity()
        self.mean, self.std = tuple(mean), tuple(std)
        self.requires_grad_(False)
        self.eval()
        # its attention is differentiated: the fused kernels' gradients hang on chance on a GPU
        vit.blocks[-1].attn.fused_attn = False

    @property
    def patch(self) -> int:
        """Side of a patch in pixels."""
        return int(self.vit.patch_embed.patch_size[0])

    @property
    def depth(self) -> int:
        """How many blocks there are."""
        return len(self.vit.blocks)

    def grid_of(self, size: tuple[int, int]) -> tuple[int, int]:
        """How many patches cover an image of this height and width, rounded up."""
        return -(-size[0] // self.patch), -(-size[1] // self.patch)

    def prepare(self, image: np.ndarray, long_side: int | None = None) -> Tensor:
        """An image as the tower takes it: resized so that patches cover it, normalised.

        Args:
            image: uint8 (H, W, 3), RGB.
            long_side: larger images are scaled down to it, pixels; None: they stay as they are.

        Returns:
            float32 (1, 3, h, w) on the tower's device; h and w are multiples of the patch.
        """
        height, width = image.shape[:2]
        shrink = min(1.0, (long_side or np.inf) / max(height, width))
        rows, columns = self.grid_of((round(height * shrink), round(width * shrink)))
        size = (max(1, rows) * self.patch, max(1, columns) * self.patch)
        if size != (height, width):
            way = cv2.INTER_AREA if shrink < 1 else cv2.INTER_CUBIC
            image = cv2.resize(image, size[::-1], interpolation=way)
        device = self.vit.patch_embed.proj.weight.device
        pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).to(device)
        mean = torch.tensor(self.mean, device=device).view(3, 1, 1)
        std = torch.tensor(self.std, device=device).view(3, 1, 1)
        return ((pixels.float() / 255.0 - mean) / std)[None]

    @torch.no_grad()
    def look(self, image: Tensor, blocks: int) -> tuple[Tensor, Tensor]:
        """Run all blocks but the last, and see where the last ones attend to.

        Args:
            image: of :meth:`prepare`.
            blocks: so many of the last blocks have a say in the attention, the very last too.

        Returns:
            The input of the last block, (1, tokens, C), and the attention of each patch (rows) to
            each patch (columns), mean over heads and blocks, (patches, patches).
        """
        vit, first = self.vit, self.depth - blocks
        tokens = vit.norm_pre(vit.patch_drop(vit._pos_embed(vit.patch_embed(image))))
        count = tokens.shape[1] - vit.num_prefix_tokens
        attention = tokens.new_zeros(count, count)
        for index, block in enumerate(vit.blocks):
            if index >= first:
                self._add_attention(attention, block, tokens)
            if index < self.depth - 1:
                tokens = block(tokens)
        heads = vit.blocks[-1].attn.num_heads
        return tokens, attention.div_(heads * min(blocks, self.depth))

    def normed(self, tokens: Tensor) -> Tensor:
        """The last block's input norm, (1, tokens, C), where Grad-CAM reads activations."""
        return self.vit.blocks[-1].norm1(tokens)

    def feature(self, tokens: Tensor, normed: Tensor) -> Tensor:
        """The image feature, from the last block on.

        Args:
            tokens: the last block's input, (1, tokens, C).
            normed: the same after its input norm; the feature's gradient is asked for this one.

        Returns:
            (1, width).
        """
        vit, last = self.vit, self.vit.blocks[-1]
        tokens = tokens + last.drop_path1(last.ls1(last.attn(normed)))
        tokens = tokens + last.drop_path2(last.ls2(last.mlp(last.norm2(tokens))))
        patches = vit.norm(tokens)[:, vit.num_prefix_tokens :]
        return self.projection(vit.fc_norm(patches.mean(dim=1)))

    def _add_attention(self, total: Tensor, block: Any, tokens: Tensor) -> None:
        """Add each head's attention of patches to patches, one head in memory at a time."""
        own, count = block.attn, tokens.shape[1]
        made = own.qkv(block.norm1(tokens)).reshape(count, 3, own.num_heads, own.head_dim)
        queries = own.q_norm(made[:, 0].transpose(0, 1)) * own.scale
        keys = own.k_norm(made[:, 1].transpose(0, 1))
        before = self.vit.num_prefix_tokens
        for query, key in zip(queries, keys, strict=True):
            total += (query[before:] @ key.T).softmax(dim=-1)[:, before:]


def build_clip_tower(name: str, weights: str, width: int) -> ClipTower:
    """The image tower of a CLIP model.

    Args:
        name: timm's, with the tag of its weights, such as
            ``vit_base_patch16_clip_quickgelu_224.openai``; any plain vision transformer of timm.
        weights: ``pretrained`` (timm's for this name, which it downloads and keeps), ``none``
            (random, always the same; for tests) or a .safetensors file of the same network, in
            timm's or in open_clip's names.
        width: of the text embeddings.

    Raises:
        ContaError: timm has no such transformer or cannot get its weights, the file does not fit,
            or the width is another.
    """
    import timm

    options: dict[str, Any] = {"pretrained": weights != "none", "dynamic_img_size": True}
    if weights not in ("pretrained", "none"):
        if not weights.endswith(".safetensors"):
            raise ContaError(
                f"cam.tower_weights is {weights!r}; give pretrained, none, or a .safetensors file"
            )
        options["pretrained_cfg_overlay"] = {"file": weights}
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(RANDOM_WEIGHTS_SEED)
            vit: Any = timm.create_model(name, **options)
    except Exception as error:  # timm, the hub and the network each fail in their own way
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise ContaError(
            f"cam.tower is {name!r} with cam.tower_weights {weights!r}: timm cannot make it "
            f"({told}); name a vision transformer of timm, and weights "
            "that can be downloaded here or a .safetensors file of the same network"
        ) from None
    data = timm.data.resolve_data_config({}, model=vit)
    return ClipTower(vit, width, name, data["mean"], data["std"])


def _require_plain_transformer(vit: Any, name: str) -> None:
    """Raise ContaError unless the parts of a network are those that the tower asks for."""
    from timm.models.vision_transformer import Attention, Block, VisionTransformer

    plain = isinstance(vit, VisionTransformer) and vit.dynamic_img_size and vit.attn_pool is None
    if plain and all(
        type(block) is Block and type(block.attn) is Attention and block.attn.gate is None
        for block in vit.blocks
    ):
        return
    raise ContaError(
        f"cam.tower is {name!r}, a {type(vit).__name__}; expected a plain vision transformer of "
        "timm without attention pooling, such as vit_base_patch16_clip_quickgelu_224.openai"
    )
