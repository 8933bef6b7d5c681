from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from conta_core.errors import ContaError
from conta_core.tools.importing.key_map import load_published

PATH = Path("published.pth")


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(2, 3, 1)
        self.norm = nn.BatchNorm2d(3)


def names(key: str) -> tuple[str, ...]:
    return f"net.{key}", f"again.{key}"


def published(seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for key, value in Small().state_dict().items():
        drawn = torch.rand(value.shape, generator=generator) * 9
        tensors |= dict.fromkeys(names(key), drawn.to(value.dtype))
    return tensors


def refused(tensors: dict[str, Tensor], dropped: tuple[str, ...] = ()) -> str:
    module = Small()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(ContaError) as raised:
        load_published(module, tensors, names, PATH, dropped)
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert str(PATH) in str(raised.value)
    return str(raised.value)


def test_every_tensor_finds_its_place() -> None:
    module, tensors = Small(), published()
    load_published(module, tensors, names, PATH)
    for key, value in module.state_dict().items():
        assert torch.equal(value, tensors[f"net.{key}"]), key
    assert int(module.norm.num_batches_tracked) == int(tensors["net.norm.num_batches_tracked"]) > 0


@pytest.mark.parametrize("name", ["net.layer.weight", "again.norm.running_var"])
def test_a_missing_name(name: str) -> None:
    tensors = published()
    del tensors[name]
    assert f"missing [{name}]" in refused(tensors)


def test_a_name_left_over() -> None:
    tensors = published() | {"fc.weight": torch.zeros(1), "fc.bias": torch.zeros(1)}
    assert "left over [fc.weight, fc.bias]" in refused(tensors)
    assert "left over [fc.bias]" in refused(tensors, dropped=("fc.weight",))
    load_published(Small(), tensors, names, PATH, dropped=("fc.weight", "fc.bias"))


def test_other_shapes_and_types() -> None:
    tensors = published()
    tensors["net.layer.weight"] = torch.zeros(3, 2)
    tensors["again.layer.bias"] = tensors["again.layer.bias"].half()
    text = refused(tensors)
    assert "net.layer.weight: (3, 2) float32 for (3, 2, 1, 1) float32" in text
    assert "again.layer.bias: (3,) float16 for (3,) float32" in text


def test_names_of_one_tensor_must_agree() -> None:
    tensors = published()
    tensors["again.norm.bias"] = tensors["again.norm.bias"] + 1e-6
    text = refused(tensors)
    assert "different values: [net.norm.bias and again.norm.bias]" in text


def test_counters_may_be_absent_altogether() -> None:
    tensors = {k: v for k, v in published().items() if not k.endswith("num_batches_tracked")}
    module = Small()
    load_published(module, tensors, names, PATH)
    assert int(module.norm.num_batches_tracked) == 0
    assert torch.equal(module.norm.weight, tensors["net.norm.weight"])


def test_a_part_of_the_counters_may_not() -> None:
    tensors = published()
    del tensors["again.norm.num_batches_tracked"]
    assert "missing [again.norm.num_batches_tracked]" in refused(tensors)


def test_long_lists_are_counted() -> None:
    extra = {f"extra.{index}": torch.zeros(1) for index in range(20)}
    assert "extra.7] and 12 more" in refused(published() | extra)
