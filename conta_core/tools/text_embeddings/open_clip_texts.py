"""Text embeddings by open_clip, which is installed for this alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from conta_core.errors import ContaError
from conta_core.storage.text_embeddings import TextEmbeddings, save_text_embeddings


def make_text_embeddings(
    output: str | os.PathLike[str],
    texts: Mapping[str, Sequence[str]],
    background: Sequence[str],
    *,
    model: str,
    pretrained: str,
    prompt: str,
) -> TextEmbeddings:
    """Embed classes and background words, and write them.

    The embedding of a class with several texts is the mean of their normalised embeddings,
    normalised again.

    Args:
        output: path of the .safetensors file.
        texts: class -> its texts.
        background: words.
        model: open_clip's name of the model, such as ``ViT-B-16``.
        pretrained: open_clip's name of its weights, such as ``openai``, or a file of them.
        prompt: with ``{}`` where a text goes.

    Returns:
        What was written.

    Raises:
        ContaError: open_clip is not installed, or has no such model or weights; a prompt without
            a place for the text; or a path that is no .safetensors file.
    """
    if Path(output).suffix != ".safetensors" or Path(output).is_dir():
        raise ContaError(f"{output}: not a file to write; give a path that ends in .safetensors")
    if prompt.count("{}") != 1:
        raise ContaError(f"--prompt is {prompt!r}; give a text with one {{}} for the class")
    open_clip = _open_clip()
    try:
        network = open_clip.create_model(model, pretrained=pretrained).eval()
        tokenizer = open_clip.get_tokenizer(model)
    except Exception as error:  # open_clip, the hub and the network each fail in their own way
        raise ContaError(
            f"open_clip cannot make the model {model!r} with the weights {pretrained!r} "
            f"({type(error).__name__}: {error}); name a model and weights of its list "
            "(open_clip.list_pretrained()), which can be downloaded here or lie in a file"
        ) from None

    def embed(wordings: Sequence[str]) -> Tensor:
        return _embed(network, tokenizer, [prompt.format(text) for text in wordings])

    embeddings = TextEmbeddings(
        classes=list(texts),
        background=list(background),
        of_classes=torch.stack([embed(wordings) for wordings in texts.values()]),
        of_background=torch.stack([embed([word]) for word in background]),
        model=f"{model}/{pretrained}",
        prompt=prompt,
        class_texts=list(texts.values()),
    )
    save_text_embeddings(output, embeddings)
    return embeddings


@torch.no_grad()
def _embed(network: Any, tokenizer: Any, sentences: Sequence[str]) -> Tensor:
    """The mean of the sentences' embeddings, of length 1, float32 (D,)."""
    found = F.normalize(network.encode_text(tokenizer(list(sentences))).float(), dim=-1)
    return F.normalize(found.mean(dim=0), dim=-1)


def _open_clip() -> ModuleType:
    try:
        import open_clip
    except ImportError as error:
        raise ContaError(
            f"open_clip, which has the text towers of CLIP models, cannot be imported ({error}); "
            "install it once (pip install open_clip_torch). The workflow itself does not need it"
        ) from None
    return open_clip
