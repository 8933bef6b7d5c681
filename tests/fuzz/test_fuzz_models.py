"""Model files."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from fuzzing import altered, dump_json, fuzz, mutated, refuses_or_reads_file
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from conta_core.networks.loading import load_network
from conta_core.storage.model_files import FORMAT, save_model

pytestmark = pytest.mark.slow

CLASSES = ("cat", "dog")


def build(count: int, architecture: dict[str, Any]) -> nn.Module:
    return nn.Linear(architecture["width"], count)


def read_model(path: Path) -> None:
    model = load_network(path, "cam", build, CLASSES)
    assert model(torch.ones(1, 3)).shape == (1, 2)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("valid") / "model.safetensors"
    save_model(path, nn.Linear(3, 2), "cam", CLASSES, {"width": 3})
    return path.read_bytes()


def test_damaged_models(tmp_path: Path, model: bytes) -> None:
    @fuzz
    @given(data=mutated(model))
    def check(data: bytes) -> None:
        refuses_or_reads_file(tmp_path / "model.safetensors", data, read_model)

    check()


def test_models_with_other_headers(tmp_path: Path, model: bytes) -> None:
    length = struct.unpack("<Q", model[:8])[0]
    header = json.loads(model[8 : 8 + length])
    description = json.loads(header["__metadata__"][FORMAT])

    def with_header(values: Any) -> bytes:
        text = dump_json(values)
        return struct.pack("<Q", len(text)) + text + model[8 + length :]

    def with_description(values: Any) -> bytes:
        return with_header(header | {"__metadata__": {FORMAT: dump_json(values).decode()}})

    @fuzz
    @given(
        data=st.one_of(
            altered(header).map(with_header),
            altered(description).map(with_description),
            mutated(dump_json(description)).map(
                lambda text: with_header(
                    header | {"__metadata__": {FORMAT: text.decode("latin-1")}}
                )
            ),
        )
    )
    def check(data: bytes) -> None:
        refuses_or_reads_file(tmp_path / "model.safetensors", data, read_model)

    check()
