"""Files of text embeddings."""

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

from conta_core.storage.text_embeddings import (
    FORMAT,
    TextEmbeddings,
    load_text_embeddings,
    save_text_embeddings,
)

pytestmark = pytest.mark.slow


def read(path: Path) -> None:
    found = load_text_embeddings(path)
    assert found.of_classes.shape == (len(found.classes), found.width)
    assert found.of_background.shape == (len(found.background), found.width)
    assert torch.isfinite(found.for_classes(found.classes, path)).all()


@pytest.fixture
def valid(tmp_path: Path) -> bytes:
    path = tmp_path / "valid.safetensors"
    texts = [["cat", "kitten"], ["dog"]]
    made = TextEmbeddings(
        ("cat", "dog"), ("sea",), torch.ones(2, 3), torch.ones(1, 3), "m", "a {}.", texts
    )
    save_text_embeddings(path, made)
    return path.read_bytes()


def test_damaged_files(tmp_path: Path, valid: bytes) -> None:
    @fuzz
    @given(data=mutated(valid))
    def check(data: bytes) -> None:
        refuses_or_reads_file(tmp_path / "text.safetensors", data, read)

    check()


def test_other_headers(tmp_path: Path, valid: bytes) -> None:
    length = struct.unpack("<Q", valid[:8])[0]
    header = json.loads(valid[8 : 8 + length])
    description = json.loads(header["__metadata__"][FORMAT])

    def with_header(values: Any) -> bytes:
        text = dump_json(values)
        return struct.pack("<Q", len(text)) + text + valid[8 + length :]

    def with_description(text: str) -> bytes:
        return with_header(header | {"__metadata__": {FORMAT: text}})

    @fuzz
    @given(
        data=st.one_of(
            altered(header).map(with_header),
            altered(description).map(lambda values: with_description(dump_json(values).decode())),
            mutated(dump_json(description)).map(
                lambda text: with_description(text.decode("latin-1"))
            ),
        )
    )
    def check(data: bytes) -> None:
        refuses_or_reads_file(tmp_path / "text.safetensors", data, read)

    check()
