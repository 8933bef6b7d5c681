from __future__ import annotations

import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from whole_store import make_store

from conta_core.causal.methods import CausalInputs
from conta_core.data.image_record import ImageRecord
from conta_core.data.manifest import Manifest
from conta_core.errors import ContaError
from conta_core.networks.loading import load_network
from conta_core.settings import CamSettings, ContextSettings
from conta_core.stages.extract_cams import extract_cams
from conta_core.storage.model_files import load_tensors, read_metadata, require_classes, save_model

CLASSES = ("cat", "dog")
ARCHITECTURE = {"backbone": "resnet18", "block": None, "rates": [1, 2]}


class Small(nn.Module):
    def __init__(self, outputs: int = 2) -> None:
        super().__init__()
        self.layer = nn.Linear(3, outputs)
        self.norm = nn.BatchNorm1d(outputs)


def build(count: int, architecture: dict[str, Any]) -> Small:
    assert architecture == ARCHITECTURE
    return Small(count)


def save(path: Path, kind: str = "cam", classes: tuple[str, ...] = CLASSES) -> Small:
    torch.manual_seed(0)
    model = Small(len(classes))
    save_model(path, model, kind, classes, ARCHITECTURE)
    return model


def refused(call: Any, *arguments: Any) -> str:
    with pytest.raises(ContaError) as raised:
        call(*arguments)
    return str(raised.value)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model = save(path)
    assert read_metadata(path) == ("cam", CLASSES, ARCHITECTURE)
    loaded = load_network(path, "cam", build, CLASSES)
    assert not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_the_same_model_is_the_same_file(tmp_path: Path) -> None:
    save(tmp_path / "a.safetensors")
    save(tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_classes_that_do_not_match(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save(path)
    message = refused(load_network, path, "cam", build, ("cat", "cow"))
    assert f"{path}: trained for the classes ['cat', 'dog']" in message
    assert "the manifest has ['cat', 'cow']" in message
    assert "train it again or restore dataset.classes" in message
    refused(require_classes, path, CLASSES, CLASSES[::-1])
    refused(require_classes, path, CLASSES, CLASSES[:1])
    require_classes(path, CLASSES, list(CLASSES))


def test_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save(path, kind="irn")
    assert "a model of kind 'irn', expected 'cam'" in refused(load_network, path, "cam", build)


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.safetensors"
    for call, arguments in ((read_metadata, (path,)), (load_tensors, (Small(), path))):
        assert str(path) in refused(call, *arguments)


@pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_file_cut_off(tmp_path: Path, part: float) -> None:
    path = tmp_path / "model.safetensors"
    save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    message = refused(load_network, path, "cam", build, CLASSES)
    assert str(path) in message
    assert "train it again" in message
    assert "give another file" in refused(load_tensors, Small(), path)


def test_pickle_is_not_opened(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "harmed",)

    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Harm()))
    refused(read_metadata, path)
    refused(load_tensors, Small(), path)
    assert not (tmp_path / "harmed").exists()


def test_safetensors_of_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(2)}, path)
    assert "its metadata has [], expected 'conta-model'" in refused(read_metadata, path)


@pytest.mark.parametrize("lost", ["classes", "kind", "architecture", "format_version"])
def test_metadata_that_is_missing(tmp_path: Path, lost: str) -> None:
    path = tmp_path / "model.safetensors"
    description = {"format_version": 2, "kind": "cam", "classes": [], "architecture": {}}
    del description[lost]
    description["checksum"] = zlib.crc32(json.dumps(description, sort_keys=True).encode())
    save_file({"x": torch.zeros(2)}, path, metadata={"conta-model": json.dumps(description)})
    assert lost in refused(read_metadata, path)


def test_another_version(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    metadata = {"conta-model": json.dumps({"format_version": 9})}
    save_file({"x": torch.zeros(2)}, path, metadata=metadata)
    assert "its version is 9, expected 2" in refused(read_metadata, path)


def test_keys_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "tensors.safetensors"
    tensors = Small().state_dict()
    tensors["extra.weight"] = tensors.pop("layer.weight")
    tensors["layer.bias"] = torch.zeros(5)
    save_file(tensors, path)
    model = Small()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    message = refused(load_tensors, model, path)
    assert "does not fit Small: missing ['layer.weight']" in message
    assert "left over ['extra.weight']" in message
    assert "layer.bias: (5,) for (2,)" in message
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_changed_byte_is_found_wherever_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save(path)
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 2]) + content[place + 1 :])
        with pytest.raises(ContaError, match=r"model\.safetensors"):
            load_network(path, "cam", build, CLASSES)
    path.write_bytes(content)
    load_network(path, "cam", build, CLASSES)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_model(path, Small(), "cam", CLASSES, {"not": object()})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_stage_refuses_weights_of_other_classes(tmp_path: Path) -> None:
    """The data set's classes changed after training: nothing is built, nothing written."""
    save(tmp_path / "model.safetensors")
    record = ImageRecord(id="a", image="a.jpg", height=4, width=4, tags=("cow",))
    manifest = Manifest(
        name="mine",
        classes=("cow", "dog"),
        lists={"train": ("a",), "val": ()},
        list_names={"train": "train", "val": "val"},
        images={"a": record},
    )
    manifest.save(tmp_path / "dataset.json")
    with pytest.raises(ContaError, match="trained for the classes"):
        make_store(
            extract_cams,
            tmp_path / "cams.h5",
            run="conta",
            round_index=0,
            manifest=str(tmp_path / "dataset.json"),
            model=str(tmp_path / "model.safetensors"),
            causal=CausalInputs(ContextSettings(method="none"), {}),
            settings=CamSettings(),
            threads=1,
        )
    assert not (tmp_path / "cams.h5").exists()
