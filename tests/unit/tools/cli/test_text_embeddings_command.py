from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from click.testing import Result
from torch import Tensor
from typer.testing import CliRunner

from conta_core.errors import ContaError
from conta_core.storage.text_embeddings import load_text_embeddings
from conta_core.tools.cli.app import app

WIDTH = 8


class FakeNetwork:
    """The part of open_clip's models that is used; an embedding hangs on the sentence's letters."""

    def __init__(self) -> None:
        self.training = True

    def eval(self) -> FakeNetwork:
        self.training = False
        return self

    def encode_text(self, tokens: Tensor) -> Tensor:
        assert not self.training
        assert tokens.dtype == torch.int64
        return torch.stack(
            [(row[:, None] + torch.arange(WIDTH)).sin().sum(dim=0) for row in tokens]
        )


def tokenize(texts: list[str]) -> Tensor:
    rows = [torch.tensor(list(text.encode().ljust(60, b" "))) for text in texts]
    return torch.stack(rows).long()


@pytest.fixture
def open_clip(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """A stand-in with open_clip's functions; gives the models that were asked for."""
    asked: list[tuple[str, str]] = []
    module: Any = ModuleType("open_clip")

    def create_model(model_name: str, pretrained: str | None = None) -> FakeNetwork:
        if model_name == "ViT-Z":
            raise RuntimeError("Model config for ViT-Z not found.")
        asked.append((model_name, str(pretrained)))
        return FakeNetwork()

    module.create_model = create_model
    module.get_tokenizer = lambda model_name: tokenize
    monkeypatch.setitem(sys.modules, "open_clip", module)
    return asked


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["text-embeddings", *map(str, arguments)])


def embedded(*sentences: str) -> Tensor:
    single = torch.nn.functional.normalize(FakeNetwork().eval().encode_text(tokenize([*sentences])))
    mean = single.mean(dim=0)
    return mean / mean.norm()


def test_what_is_written(open_clip: list[tuple[str, str]], tmp_path: Path) -> None:
    path, synonyms = tmp_path / "new" / "text.safetensors", tmp_path / "synonyms.yaml"
    synonyms.write_text("dog: [dog, puppy]\n")
    options = ["--classes", "bird,boat,dog", "--synonyms", synonyms, "--synonyms", "boat=boat,ship"]
    done = run(path, *options, "--background", "sea,land", "--model", "ViT-L-14")
    assert done.exit_code == 0, (done.output, done.exception)
    assert open_clip == [("ViT-L-14", "openai")]
    assert "3 classes and 2 background words, 8 channels, of ViT-L-14/openai" in done.output
    assert "  dog: a clean origami dog. | a clean origami puppy." in done.output.splitlines()
    found = load_text_embeddings(path)
    assert found.classes == ("bird", "boat", "dog")
    assert found.background == ("sea", "land")
    assert (found.model, found.prompt) == ("ViT-L-14/openai", "a clean origami {}.")
    assert found.class_texts == (("bird avian",), ("boat,ship",), ("dog", "puppy"))
    expected = [
        embedded("a clean origami bird avian."),
        embedded("a clean origami boat,ship."),
        embedded("a clean origami dog.", "a clean origami puppy."),
    ]
    torch.testing.assert_close(found.of_classes, torch.stack(expected))
    words = [embedded(f"a clean origami {word}.") for word in ("sea", "land")]
    torch.testing.assert_close(found.of_background, torch.stack(words))
    again = tmp_path / "again.safetensors"
    assert run(again, *options, "--background", "sea,land", "--model", "ViT-L-14").exit_code == 0
    assert again.read_bytes() == path.read_bytes()


def test_voc_without_further_words(open_clip: list[tuple[str, str]], tmp_path: Path) -> None:
    done = run(tmp_path / "voc.safetensors", "--classes", "voc", "--prompt", "a photo of a {}")
    assert done.exit_code == 0, (done.output, done.exception)
    assert open_clip == [("ViT-B-16", "openai")]
    found = load_text_embeddings(tmp_path / "voc.safetensors")
    assert (found.of_classes.shape, found.of_background.shape) == ((20, WIDTH), (25, WIDTH))
    torch.testing.assert_close(found.of_classes[0], embedded("a photo of a aeroplane"))


def test_without_open_clip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    done = run(tmp_path / "text.safetensors", "--classes", "bird,dog")
    assert isinstance(done.exception, ContaError)
    assert "pip install open_clip_torch" in str(done.exception)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["text.pt", "--classes", "bird"], "give a path that ends in .safetensors"),
        (["a.safetensors", "--classes", "bird", "--prompt", "bird"], "a text with one {}"),
        (
            ["a.safetensors", "--classes", "bird", "--model", "ViT-Z"],
            "cannot make the model 'ViT-Z'",
        ),
        (["a.safetensors", "--classes", "nothing/dataset.json"], "nothing/dataset.json"),
    ],
)
def test_what_is_refused(
    open_clip: list[tuple[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert isinstance(done.exception, ContaError), (done.output, done.exception)
    assert message in str(done.exception)
    assert not list(tmp_path.iterdir())
