"""Text embeddings of classes and background words: a .safetensors file with the names."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field, TypeAdapter
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from typing_extensions import TypedDict

from conta_core.errors import ContaError
from conta_core.storage.atomic import replace_when_done
from conta_core.storage.json_files import parse_json, require_layout
from conta_core.storage.model_files import MAX_CLASSES, READING_ERRORS

FORMAT = "conta-text-embeddings"
FORMAT_VERSION = 1
#: background words, and channels of an embedding
MAX_WORDS, MAX_WIDTH = 10_000, 65_536


class _Description(TypedDict):
    format_version: int
    model: str
    prompt: str
    classes: Annotated[list[str], Field(max_length=MAX_CLASSES)]
    class_texts: list[list[str]]
    background: Annotated[list[str], Field(max_length=MAX_WORDS)]


_DESCRIPTION = TypeAdapter(_Description)


@dataclass(frozen=True)
class TextEmbeddings:
    """One embedding a class and a background word.

    Attributes:
        classes: class names.
        background: background words.
        of_classes: float32 (K, D).
        of_background: float32 (B, D).
        model: whose text tower made them, such as ``ViT-B-16-quickgelu/openai``.
        prompt: with ``{}`` where a text goes.
        class_texts: what was embedded for each class; several texts have one mean embedding.
    """

    classes: Sequence[str]
    background: Sequence[str]
    of_classes: Tensor
    of_background: Tensor
    model: str
    prompt: str
    class_texts: Sequence[Sequence[str]]

    @property
    def width(self) -> int:
        """Channels of an embedding, D."""
        return self.of_classes.shape[1]

    def for_classes(self, classes: Sequence[str], path: str | os.PathLike[str]) -> Tensor:
        """The embeddings of classes, float32 (len(classes), D), in their order.

        Args:
            classes: class names of a manifest.
            path: names the file in the error.

        Raises:
            ContaError: a class is not in the file.
        """
        missing = [name for name in classes if name not in self.classes]
        if missing:
            raise ContaError(
                f"{path}: has no text embedding of {', '.join(missing)}, it has "
                f"{', '.join(self.classes)}; make it for all classes of the data set (conta "
                "text-embeddings)"
            )
        return self.of_classes[[list(self.classes).index(name) for name in classes]]


def save_text_embeddings(path: str | os.PathLike[str], embeddings: TextEmbeddings) -> None:
    """Write the file, whole or not at all."""
    description = {
        "format_version": FORMAT_VERSION,
        "model": embeddings.model,
        "prompt": embeddings.prompt,
        "classes": list(embeddings.classes),
        "class_texts": [list(texts) for texts in embeddings.class_texts],
        "background": list(embeddings.background),
    }
    tensors = {"classes": embeddings.of_classes, "background": embeddings.of_background}
    tensors = {name: value.float().cpu().contiguous() for name, value in tensors.items()}
    with replace_when_done(path) as temporary:
        save_file(tensors, temporary, metadata={FORMAT: json.dumps(description, sort_keys=True)})


def load_text_embeddings(path: str | os.PathLike[str]) -> TextEmbeddings:
    """Read the file.

    Raises:
        ContaError: missing, no such file, or names and embeddings that do not fit each other.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if FORMAT not in metadata:
                raise ValueError(f"its metadata has {sorted(metadata)}, expected {FORMAT!r}")
            description = parse_json(metadata[FORMAT])
            if description["format_version"] != FORMAT_VERSION:
                raise ValueError(
                    f"its version is {description['format_version']}, expected {FORMAT_VERSION}"
                )
            require_layout(description, _DESCRIPTION)
            for name in ("classes", "background"):
                _require_shape(name, file.get_slice(name).get_shape(), len(description[name]))
            found = {name: file.get_tensor(name).float() for name in ("classes", "background")}
        _require_values(found)
        if len(set(description["classes"])) < len(description["classes"]):
            raise ValueError(f"a class stands twice in {description['classes']}")
    except READING_ERRORS as error:
        raise ContaError(
            f"{path}: no text embeddings ({error}); make them with conta text-embeddings"
        ) from None
    return TextEmbeddings(
        classes=tuple(description["classes"]),
        background=tuple(description["background"]),
        of_classes=found["classes"],
        of_background=found["background"],
        model=description["model"],
        prompt=description["prompt"],
        class_texts=tuple(map(tuple, description["class_texts"])),
    )


def _require_shape(name: str, shape: Sequence[int], names: int) -> None:
    if len(shape) != 2 or shape[0] != names or not names or not 0 < shape[1] <= MAX_WIDTH:
        raise ValueError(f"{name} is of shape {tuple(shape)} for {names} names")


def _require_values(found: dict[str, Tensor]) -> None:
    widths = {value.shape[1] for value in found.values()}
    if len(widths) > 1:
        raise ValueError(f"embeddings of {sorted(widths)} channels, expected one width")
    for name, value in found.items():
        if not bool(torch.isfinite(value).all()) or bool((value == 0).all(dim=1).any()):
            raise ValueError(f"an embedding of {name} is 0 everywhere or not finite")
