from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import conta_core
from conta_core.errors import ContaError
from conta_core.networks.any_model import BUILDERS
from conta_core.networks.loading import load_network
from conta_core.storage.model_files import save_model

CLASSES = ("cat", "dog", "cow")
CAM = {"backbone": "resnet18", "weights": "none", "output_stride": 16, "seed": 1}
DEEPLAB = {**CAM, "aspp_rates": [1, 2], "scales": [0.5]}
KINDS: dict[str, dict[str, Any]] = {
    "cam": {**CAM, "context_block": 5},
    "recam": {**CAM, "context_block": 5},
    "irn": CAM,
    "deeplab": DEEPLAB,
}


def move(model: nn.Module) -> nn.Module:
    """Every tensor of the model away from its start, as training does."""
    generator = torch.Generator().manual_seed(3)
    for value in model.state_dict().values():
        if value.is_floating_point():
            value += 0.01 * torch.rand(value.shape, generator=generator)
    return model.eval()


def run(model: nn.Module, kind: str) -> list[Tensor]:
    generator = torch.Generator().manual_seed(4)
    images = torch.randn(1, 3, 36, 48, generator=generator)
    arguments = [images]
    if kind in ("cam", "recam"):
        arguments.append(torch.randn(1, 1, 4, 4, generator=generator))
    with torch.no_grad():
        found = model(*arguments)
    return [found] if isinstance(found, Tensor) else list(found)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[Tensor]]]:
    """Kind -> a model file and what its model gives."""
    folder, found = tmp_path_factory.mktemp("models"), {}
    for kind, architecture in KINDS.items():
        model = move(BUILDERS[kind](len(CLASSES), architecture))
        path = folder / f"{kind}.safetensors"
        save_model(path, model, kind, CLASSES, architecture)
        found[kind] = path, run(model, kind)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_is_loaded(files: dict[str, tuple[Path, list[Tensor]]], kind: str) -> None:
    path, expected = files[kind]
    for load in (
        lambda: load_network(path, kind, BUILDERS[kind], CLASSES),
        lambda: conta_core.load_model(path),
    ):
        state = torch.random.get_rng_state()
        model = load()
        assert torch.equal(torch.random.get_rng_state(), state)
        assert not any(module.training for module in model.modules())
        for one, other in zip(run(model, kind), expected, strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_another_kind(files: dict[str, tuple[Path, list[Tensor]]], kind: str) -> None:
    wanted = next(other for other in KINDS if other != kind)
    with pytest.raises(ContaError, match=f"a model of kind '{kind}', expected '{wanted}'"):
        load_network(files[kind][0], wanted, BUILDERS[wanted])


@pytest.mark.parametrize("classes", [("cat", "dog"), ("dog", "cat", "cow"), ()])
def test_other_classes(
    files: dict[str, tuple[Path, list[Tensor]]], classes: tuple[str, ...]
) -> None:
    with pytest.raises(ContaError, match="trained for the classes"):
        load_network(files["irn"][0], "irn", BUILDERS["irn"], classes)


def test_a_kind_that_nobody_builds(tmp_path: Path) -> None:
    save_model(tmp_path / "m.safetensors", nn.Linear(2, 2), "other", CLASSES, {})
    with pytest.raises(ContaError, match="a model of kind 'other', expected one of"):
        conta_core.load_model(tmp_path / "m.safetensors")


@pytest.mark.parametrize("part", [0.0, 0.0001, 0.3, 0.999])
def test_a_file_cut_off(
    files: dict[str, tuple[Path, list[Tensor]]], tmp_path: Path, part: float
) -> None:
    content = files["irn"][0].read_bytes()
    path = tmp_path / "cut.safetensors"
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ContaError, match=r"cut\.safetensors"):
        conta_core.load_model(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ContaError, match=r"none\.safetensors"):
        conta_core.load_model(tmp_path / "none.safetensors")


def drop(tensors: dict[str, Tensor], key: str) -> None:
    del tensors[key]


def reshape(tensors: dict[str, Tensor], key: str) -> None:
    tensors[key] = torch.zeros(1, 2, 3)


def add(tensors: dict[str, Tensor], key: str) -> None:
    tensors[f"{key}.more"] = torch.zeros(1)


@pytest.mark.parametrize("change", [drop, reshape, add])
@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("cam", "classifier.weight"),
        ("cam", "backbone.context_inputs.5.weights.0"),
        ("recam", "recam.weight"),
        ("irn", "mean_displacement"),
        ("deeplab", "aspp.branches.1.bias"),
        ("deeplab", "backbone.blocks.4.1.bn2.running_var"),
    ],
)
def test_tensors_that_do_not_fit(
    files: dict[str, tuple[Path, list[Tensor]]],
    tmp_path: Path,
    change: Callable[[dict[str, Tensor], str], None],
    kind: str,
    key: str,
) -> None:
    source, path = files[kind][0], tmp_path / "changed.safetensors"
    tensors = load_file(source)
    change(tensors, key)
    with safe_open(source, framework="pt") as file:
        save_file(tensors, path, metadata=file.metadata())
    with pytest.raises(ContaError, match="does not fit") as raised:
        conta_core.load_model(path)
    assert key in str(raised.value)
