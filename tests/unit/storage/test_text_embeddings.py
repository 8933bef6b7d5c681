from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from conta_core.errors import ContaError
from conta_core.storage.text_embeddings import (
    FORMAT,
    TextEmbeddings,
    load_text_embeddings,
    save_text_embeddings,
)


def made(classes: tuple[str, ...] = ("boat", "dog"), width: int = 4) -> TextEmbeddings:
    generator = torch.Generator().manual_seed(0)
    return TextEmbeddings(
        classes=classes,
        background=("sea", "land", "sky"),
        of_classes=torch.randn((len(classes), width), generator=generator),
        of_background=torch.randn((3, width), generator=generator),
        model="ViT-B-16/openai",
        prompt="a {}.",
        class_texts=tuple((name,) for name in classes),
    )


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "text.safetensors"
    save_text_embeddings(path, made())
    found = load_text_embeddings(path)
    assert replace(found, of_classes=None, of_background=None) == replace(
        made(), of_classes=None, of_background=None
    )
    torch.testing.assert_close(found.of_classes, made().of_classes)
    torch.testing.assert_close(found.of_background, made().of_background)
    assert found.width == 4
    in_order = found.for_classes(["dog", "boat"], path)
    torch.testing.assert_close(in_order, made().of_classes.flip(0))


def test_a_class_that_the_file_lacks(tmp_path: Path) -> None:
    message = r"text.safetensors: has no text embedding of cow, cat, it has boat, dog; make it"
    with pytest.raises(ContaError, match=message):
        made().for_classes(["boat", "cow", "cat"], tmp_path / "text.safetensors")


def description() -> dict[str, Any]:
    return {
        "format_version": 1,
        "model": "m",
        "prompt": "{}",
        "classes": ["boat", "dog"],
        "class_texts": [["boat"], ["dog"]],
        "background": ["sea"],
    }


@pytest.mark.parametrize(
    ("change", "tensors", "message"),
    [
        ({"format_version": 7}, {}, "its version is 7, expected 1"),
        ({"classes": ["boat"]}, {}, r"classes is of shape \(2, 4\) for 1 names"),
        ({"background": []}, {"background": torch.zeros(0, 4)}, "background is of shape"),
        ({"classes": ["dog", "dog"]}, {}, "a class stands twice"),
        ({"model": 3}, {}, "model: Input should be a valid string"),
        ({}, {"background": torch.ones(1, 5)}, r"embeddings of \[4, 5\] channels"),
        ({}, {"background": torch.zeros(1, 4)}, "an embedding of background is 0 everywhere"),
        ({}, {"classes": torch.full((2, 4), torch.nan)}, "0 everywhere or not finite"),
        ({}, {"classes": torch.ones(2)}, r"classes is of shape \(2,\)"),
    ],
)
def test_files_that_do_not_fit(
    tmp_path: Path, change: dict[str, Any], tensors: dict[str, torch.Tensor], message: str
) -> None:
    path = tmp_path / "text.safetensors"
    plain = {"classes": torch.ones(2, 4), "background": torch.ones(1, 4)}
    save_file({**plain, **tensors}, path, metadata={FORMAT: json.dumps(description() | change)})
    with pytest.raises(ContaError, match=message) as caught:
        load_text_embeddings(path)
    assert "make them with conta text-embeddings" in str(caught.value)


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "text.safetensors"
    with pytest.raises(ContaError, match="no text embeddings"):
        load_text_embeddings(path)
    save_file({"classes": torch.ones(2, 4)}, path)
    with pytest.raises(ContaError, match="expected 'conta-text-embeddings'"):
        load_text_embeddings(path)
    save_file({"a": torch.ones(1)}, path, metadata={FORMAT: json.dumps(description())})
    with pytest.raises(ContaError, match="no text embeddings"):
        load_text_embeddings(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ContaError, match="no text embeddings"):
        load_text_embeddings(path)
